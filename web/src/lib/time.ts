// Times are seconds since 1970 as numbers, durations are seconds.

export type Zone = 'local' | 'utc';

export type TimeRange =
  | { kind: 'relative'; seconds: number }
  | { kind: 'absolute'; start: number; end: number };

export interface TimeSpan {
  start: number;
  end: number;
}

const UNIT_SECONDS: Record<string, number> = {
  ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, w: 604800, y: 31536000,
};

/** Reads a Prometheus duration (`1h30m`) or a plain number of seconds. Null if it is neither. */
export function parseDuration(text: string): number | null {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed);
  const whole = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
  const match = whole.exec(trimmed);
  if (trimmed === '' || match === null) return null;
  const units = ['y', 'w', 'd', 'h', 'm', 's', 'ms'];
  return units.reduce((sum, unit, i) => sum + Number(match[i + 1] ?? 0) * UNIT_SECONDS[unit]!, 0);
}

/** Writes a duration the way Prometheus reads it: `1h30m`. */
export function formatDuration(seconds: number): string {
  let rest = Math.round(seconds * 1000);
  if (rest === 0) return '0s';
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms']) {
    const size = UNIT_SECONDS[unit]! * 1000;
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) text += `${count}${unit}`;
  }
  return text;
}

/** A length of time for reading, two units at most: `3d 4h`, `12m 5s`, `4.2s`, `310ms`. */
export function formatLength(seconds: number): string {
  if (seconds < 0) return `-${formatLength(-seconds)}`;
  if (seconds < 0.001) return seconds === 0 ? '0s' : `${Number((seconds * 1e6).toPrecision(3))}µs`;
  if (seconds < 1) return `${Number((seconds * 1000).toPrecision(3))}ms`;
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return twoUnits(whole, 60, 'm', 1, 's');
  if (whole < 86400) return twoUnits(whole, 3600, 'h', 60, 'm');
  return twoUnits(whole, 86400, 'd', 3600, 'h');
}

function twoUnits(seconds: number, big: number, bigName: string, small: number,
                  smallName: string): string {
  const rest = Math.floor((seconds % big) / small);
  return `${Math.floor(seconds / big)}${bigName}${rest > 0 ? ` ${rest}${smallName}` : ''}`;
}

export function resolveRange(range: TimeRange, now: number): TimeSpan {
  if (range.kind === 'absolute') return { start: range.start, end: range.end };
  return { start: now - range.seconds, end: now };
}

const two = (n: number): string => String(n).padStart(2, '0');

interface CivilTime {
  year: number; month: number; day: number;
  hour: number; minute: number; second: number; millisecond: number;
}

function civil(seconds: number, zone: Zone): CivilTime {
  const date = new Date(Math.round(seconds * 1000));
  return zone === 'utc'
    ? {
        year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate(),
        hour: date.getUTCHours(), minute: date.getUTCMinutes(), second: date.getUTCSeconds(),
        millisecond: date.getUTCMilliseconds(),
      }
    : {
        year: date.getFullYear(), month: date.getMonth() + 1, day: date.getDate(),
        hour: date.getHours(), minute: date.getMinutes(), second: date.getSeconds(),
        millisecond: date.getMilliseconds(),
      };
}

export function formatDate(seconds: number, zone: Zone): string {
  const t = civil(seconds, zone);
  return `${t.year}-${two(t.month)}-${two(t.day)}`;
}

export function formatTimeOfDay(seconds: number, zone: Zone): string {
  const t = civil(seconds, zone);
  const fraction = t.millisecond > 0 ? `.${String(t.millisecond).padStart(3, '0')}` : '';
  return `${two(t.hour)}:${two(t.minute)}:${two(t.second)}${fraction}`;
}

export function formatDateTime(seconds: number, zone: Zone): string {
  return `${formatDate(seconds, zone)} ${formatTimeOfDay(seconds, zone)}`;
}

/** Reads `2026-11-20 14:32[:07[.5]]` (or with a `T`) in the given zone. Null if it is no time. */
export function parseDateTime(text: string, zone: Zone): number | null {
  const form = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d(?:\.\d{1,3})?))?)?(Z?)$/;
  const match = form.exec(text.trim());
  if (match === null) return null;
  const [year, month, day, hour, minute] = match.slice(1, 6).map((part) => Number(part ?? 0)) as
    [number, number, number, number, number];
  const second = Number(match[6] ?? 0);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59) return null;
  const whole = Math.floor(second);
  const ms = Math.round((second - whole) * 1000);
  const inUtc = zone === 'utc' || match[7] === 'Z';
  const time = inUtc
    ? Date.UTC(year, month - 1, day, hour, minute, whole, ms)
    : new Date(year, month - 1, day, hour, minute, whole, ms).getTime();
  return time / 1000;
}

/** Labels of a time axis: only what the distance between two ticks calls for. */
export function formatTick(seconds: number, tickDistance: number, zone: Zone): string {
  const t = civil(seconds, zone);
  if (tickDistance >= 86400) return `${two(t.month)}-${two(t.day)}`;
  if (t.hour === 0 && t.minute === 0 && t.second === 0) return `${two(t.month)}-${two(t.day)}`;
  if (tickDistance >= 60) return `${two(t.hour)}:${two(t.minute)}`;
  return formatTimeOfDay(seconds, zone);
}

export const RANGE_PRESETS: readonly number[] = [300, 900, 3600, 21600, 86400, 604800];

export function rangeToParams(range: TimeRange): [string, string][] {
  return range.kind === 'relative'
    ? [['range', formatDuration(range.seconds)]]
    : [['from', String(range.start)], ['to', String(range.end)]];
}

export function rangeFromParams(params: URLSearchParams, fallback: TimeRange): TimeRange {
  const from = Number(params.get('from') ?? NaN);
  const to = Number(params.get('to') ?? NaN);
  if (Number.isFinite(from) && Number.isFinite(to) && to > from) {
    return { kind: 'absolute', start: from, end: to };
  }
  const seconds = parseDuration(params.get('range') ?? '');
  return seconds !== null && seconds > 0 ? { kind: 'relative', seconds } : fallback;
}
