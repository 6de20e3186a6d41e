// Values under the cursor, highest first, the series nearest to the pointer marked.

import type { Signal } from '@preact/signals';
import type { RefObject } from 'preact';
import type uPlot from 'uplot';
import type { Frame } from '../lib/frame';
import { formatDateTime } from '../lib/time';
import { formatValue, type Unit } from '../lib/units';
import { zone } from '../settings/settings';

export interface CursorPlace {
  index: number;
  left: number;
  top: number;
}

interface ChartTooltipProps {
  frame: Frame;
  unit: Unit;
  place: Signal<CursorPlace | null>;
  plot: RefObject<uPlot>;
}

const ROWS = 12;
const OFFSET_PX = 14;

function nearestSeries(plot: uPlot, place: CursorPlace): number {
  let nearest = -1;
  let distance = Infinity;
  for (let i = 1; i < plot.data.length; i++) {
    const value = plot.data[i]![place.index];
    if (value == null) continue;
    const away = Math.abs(plot.valToPos(value, 'y') - place.top);
    if (away < distance) [nearest, distance] = [i - 1, away];
  }
  return nearest;
}

export function ChartTooltip({ frame, unit, place, plot }: ChartTooltipProps) {
  const at = place.value;
  const chart = plot.current;
  if (at === null || chart === null || frame.times[at.index] === undefined) return null;
  const nearest = nearestSeries(chart, at);
  const rows = frame.series
    .map((series, index) => ({ series, index, value: series.values[at.index] ?? null }))
    .filter((row) => row.value !== null)
    .sort((a, b) => b.value! - a.value!);
  const shown = rows.slice(0, ROWS);
  const marked = rows.find((row) => row.index === nearest);
  if (marked !== undefined && !shown.includes(marked)) shown[ROWS - 1] = marked;
  const x = chart.over.offsetLeft + at.left;
  const rightHalf = at.left > chart.over.clientWidth / 2;
  const style = rightHalf
    ? { right: `calc(100% - ${x - OFFSET_PX}px)` }
    : { left: `${x + OFFSET_PX}px` };
  return (
    <div class="chart-tooltip" style={style} aria-hidden="true">
      <div class="chart-tooltip-time">{formatDateTime(frame.times[at.index]!, zone.value)}</div>
      {shown.map((row) => (
        <div key={row.series.key}
             class={`chart-tooltip-row${row.index === nearest ? ' is-nearest' : ''}`}>
          <span class="swatch" style={{ background: row.series.colour }} />
          <span class="chart-tooltip-label">{row.series.label}</span>
          <span class="chart-tooltip-value">{formatValue(row.value!, unit)}</span>
        </div>
      ))}
      {rows.length > shown.length && (
        <div class="chart-tooltip-more">and {rows.length - shown.length} more</div>
      )}
      {rows.length === 0 && <div class="chart-tooltip-more">No data here</div>}
    </div>
  );
}
