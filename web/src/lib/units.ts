// How numbers read: one function for a value, one for the ticks of an axis.

import { formatLength } from './time';

export type Unit = 'number' | 'ratio' | 'bytes' | 'bytes_per_second' | 'seconds';

const IEC = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
const SI: [number, string][] = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];

function trimmed(value: number, digits: number): string {
  return String(Number(value.toPrecision(digits)));
}

function formatBytes(value: number): string {
  const size = Math.abs(value);
  let power = 0;
  while (power < IEC.length - 1 && size >= 1024 ** (power + 1) * 0.9995) power++;
  const scaled = value / 1024 ** power;
  const digits = power === 0 || Math.abs(scaled) >= 100 ? 0 : Math.abs(scaled) >= 10 ? 1 : 2;
  return `${Number(scaled.toFixed(digits))} ${IEC[power]}`;
}

function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 1e-4 || size >= 1e15) return value.toExponential(2);
  for (const [scale, suffix] of SI) {
    if (size >= scale * 0.9995) return trimmed(value / scale, 4) + suffix;
  }
  return trimmed(value, 4);
}

function formatRatio(value: number): string {
  const percent = value * 100;
  const size = Math.abs(percent);
  if (size !== 0 && size < 0.01) return percent < 0 ? '>-0.01 %' : '<0.01 %';
  return `${Number(percent.toFixed(size >= 10 ? 1 : 2))} %`;
}

/** A value with its unit. Not-numbers read as PromQL writes them. */
export function formatValue(value: number, unit: Unit): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  switch (unit) {
    case 'bytes': return formatBytes(value);
    case 'bytes_per_second': return `${formatBytes(value)}/s`;
    case 'ratio': return formatRatio(value);
    case 'seconds': return formatLength(value);
    case 'number': return formatNumber(value);
  }
}

/** Ticks of one axis: enough digits that neighbours differ. */
export function formatTicks(values: readonly number[], unit: Unit): string[] {
  const distance = values.length > 1 ? Math.abs(values[1]! - values[0]!) : 0;
  if (unit === 'ratio') {
    const digits = distance >= 0.01 || distance === 0 ? 0 : distance >= 0.001 ? 1 : 2;
    return values.map((value) => `${(value * 100).toFixed(digits)} %`);
  }
  const texts = values.map((value) => formatValue(value, unit));
  if (unit !== 'number' || new Set(texts).size === texts.length) return texts;
  const digits = Math.max(0, Math.min(12, -Math.floor(Math.log10(distance || 1))));
  return values.map((value) => value.toFixed(digits));
}

/** Distances between ticks that give round labels in the unit; undefined keeps the default. */
export function tickDistances(unit: Unit): number[] | undefined {
  if (unit !== 'bytes' && unit !== 'bytes_per_second') return undefined;
  const distances: number[] = [];
  for (let power = 0; power < IEC.length; power++) {
    for (const factor of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]) {
      distances.push(factor * 1024 ** power);
    }
  }
  return distances;
}
