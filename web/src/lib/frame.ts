// A frame: several series on one grid of times, what charts and data tables draw.

export interface FrameSeries {
  key: string;
  label: string;
  /** Where the label leaves something out. */
  fullName?: string;
  colour: string;
  values: (number | null)[];
  /** Drawn below zero, read as positive: transmit against receive. */
  mirrored?: boolean;
  /** A line that stays out of a stack: a limit or a total. */
  reference?: boolean;
  /** The rest of a whole, such as free memory: hardly filled. */
  faint?: boolean;
}

export interface Frame {
  times: number[];
  series: FrameSeries[];
}

export type Points = readonly (readonly [number, string])[];

export function gridTimes(start: number, end: number, step: number): number[] {
  const count = Math.max(1, Math.floor((end - start) / step + 1e-9) + 1);
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/** PromQL's spelling of a float64. */
export function parseSample(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Infinity;
  if (text === '-Inf') return -Infinity;
  return Number(text);
}

/** Puts points on the grid. A step without a point, and what a line cannot show, is null. */
export function alignPoints(points: Points, start: number, step: number,
                            count: number): (number | null)[] {
  const values = new Array<number | null>(count).fill(null);
  for (const [time, text] of points) {
    const index = Math.round((time - start) / step);
    const value = parseSample(text);
    if (index >= 0 && index < count && Number.isFinite(value)) values[index] = value;
  }
  return values;
}

/** What goes to the canvas: sums from the first series up when stacked, mirrored ones negated. */
export function drawnValues(series: readonly FrameSeries[],
                            stacked: boolean): (number | null)[][] {
  const count = series[0]?.values.length ?? 0;
  const above = new Float64Array(count);
  const below = new Float64Array(count);
  return series.map((one) => {
    const sign = one.mirrored ? -1 : 1;
    const sums = one.mirrored ? below : above;
    return one.values.map((value, i) => {
      if (!stacked || one.reference) return value === null ? null : sign * value;
      if (value === null) return null;
      sums[i]! += value;
      return sign * sums[i]!;
    });
  });
}

/** For each stacked series the one it stands on, or null for the axis. */
export function stackedOn(series: readonly FrameSeries[]): (number | null)[] {
  let above: number | null = null;
  let below: number | null = null;
  return series.map((one, i) => {
    if (one.reference) return null;
    const under = one.mirrored ? below : above;
    if (one.mirrored) below = i;
    else above = i;
    return under;
  });
}

export function lastValue(values: readonly (number | null)[]): number | null {
  for (let i = values.length - 1; i >= 0; i--) {
    if (values[i] !== null && values[i] !== undefined) return values[i]!;
  }
  return null;
}

export function peak(values: readonly (number | null)[]): number {
  return values.reduce<number>((max, value) => Math.max(max, Math.abs(value ?? 0)), 0);
}

/** The `limit` series with the highest peaks, in their own order. */
export function highestPeaks<T extends { values: (number | null)[] }>(series: T[],
                                                                       limit: number): T[] {
  if (series.length <= limit) return series;
  const ranked = series.map((one, i) => ({ i, peak: peak(one.values) }));
  ranked.sort((a, b) => b.peak - a.peak || a.i - b.i);
  const kept = new Set(ranked.slice(0, limit).map((one) => one.i));
  return series.filter((_, i) => kept.has(i));
}
