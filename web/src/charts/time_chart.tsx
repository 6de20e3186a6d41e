// A live chart of a frame: pointer and keyboard cursor, tooltip, drag to zoom.

import { useSignal, type Signal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import type { Frame } from '../lib/frame';
import { formatDateTime, type TimeSpan } from '../lib/time';
import { formatValue, type Unit } from '../lib/units';
import { shownTheme, zone } from '../settings/settings';
import { createPlot, plotData } from './plot';
import { ChartTooltip, type CursorPlace } from './tooltip';

export interface TimeChartProps {
  frame: Frame;
  span: TimeSpan;
  unit: Unit;
  /** What the chart shows, for those who do not see it. */
  name: string;
  stacked?: boolean;
  filled?: boolean;
  zeroBased?: boolean;
  height?: number;
  syncKey?: string | null;
  /** Index under the cursor, shared with the legend. */
  cursorIndex: Signal<number | null>;
  onZoom: (start: number, end: number) => void;
  onZoomOut: () => void;
}

const SPOKEN_SERIES = 6;
const DEFAULT_HEIGHT = 180;

function spoken(frame: Frame, index: number, unit: Unit): string {
  const values = frame.series
    .filter((one) => one.values[index] != null)
    .map((one) => `${one.label} ${formatValue(one.values[index]!, unit)}`);
  const rest = values.length - SPOKEN_SERIES;
  const more = rest > 0 ? `, and ${rest} more` : '';
  const list = values.slice(0, SPOKEN_SERIES).join(', ') || 'no data';
  return `${formatDateTime(frame.times[index]!, zone.value)}: ${list}${more}`;
}

/** How far a key moves the cursor; null for other keys. */
function keyMove(key: string, shift: boolean, index: number | null, last: number): number | null {
  const distance = shift ? 10 : 1;
  switch (key) {
    case 'ArrowLeft': return Math.max(0, (index ?? last + 1) - distance);
    case 'ArrowRight': return Math.min(last, (index ?? -1) + distance);
    case 'Home': return 0;
    case 'End': return last;
    default: return null;
  }
}

interface Plotting {
  host: RefObject<HTMLDivElement>;
  plot: RefObject<uPlot>;
  place: Signal<CursorPlace | null>;
  /** Whether pointer or keys are on this chart; synced charts move their cursor without it. */
  active: { current: boolean };
}

/** Keeps a plot in step with the props: made anew when its structure changes, else fed data. */
function usePlot(props: TimeChartProps): Plotting {
  const { frame, unit, stacked = false, filled = false, zeroBased = true } = props;
  const height = props.height ?? DEFAULT_HEIGHT;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const latest = useRef(props);
  latest.current = props;
  const place = useSignal<CursorPlace | null>(null);
  const active = useRef(false);
  const structure = JSON.stringify(frame.series.map((one) =>
    [one.key, one.colour, one.mirrored, one.reference]));
  const theme = shownTheme.value;
  const inZone = zone.value;

  useEffect(() => {
    const element = host.current!;
    const created = createPlot(element, {
      frame: latest.current.frame, unit, stacked, filled, zeroBased, zone: inZone, height,
      syncKey: latest.current.syncKey ?? null,
      span: () => latest.current.span,
      onCursor: (index, left, top) => {
        latest.current.cursorIndex.value = index;
        place.value = index !== null && active.current ? { index, left, top } : null;
      },
      onZoom: (start, end) => latest.current.onZoom(start, end),
      onZoomOut: () => latest.current.onZoomOut(),
    });
    plot.current = created;
    const resize = new ResizeObserver(() => {
      created.setSize({ width: Math.max(1, element.clientWidth), height });
    });
    resize.observe(element);
    return () => {
      resize.disconnect();
      created.destroy();
      plot.current = null;
    };
  }, [structure, unit, stacked, filled, zeroBased, height, theme, inZone]);

  useEffect(() => {
    plot.current?.setData(plotData(frame, stacked));
  }, [frame, stacked, props.span.start, props.span.end]);

  return { host, plot, place, active };
}

export function TimeChart(props: TimeChartProps) {
  const { frame, unit, span, cursorIndex } = props;
  const { host, plot, place, active } = usePlot(props);
  const announcement = useSignal('');

  function moveTo(index: number): void {
    const chart = plot.current;
    const time = frame.times[index];
    if (chart === null || time === undefined) return;
    active.current = true;
    chart.setCursor({ left: chart.valToPos(time, 'x'), top: chart.over.clientHeight / 3 });
    announcement.value = spoken(frame, index, unit);
  }

  function leave(): void {
    active.current = false;
    place.value = null;
    plot.current?.setCursor({ left: -10, top: -10 });
  }

  function zoomBy(factor: number): void {
    const index = cursorIndex.value;
    const centre = index === null ? (span.start + span.end) / 2 : frame.times[index]!;
    const half = ((span.end - span.start) * factor) / 2;
    props.onZoom(centre - half, centre + half);
  }

  function onKeyDown(event: KeyboardEvent): void {
    const last = frame.times.length - 1;
    const index = keyMove(event.key, event.shiftKey, cursorIndex.value, last);
    if (index !== null) moveTo(index);
    else if (event.key === 'Escape') leave();
    else if (event.key === '+' || event.key === '=') zoomBy(0.5);
    else if (event.key === '-') zoomBy(2);
    else return;
    event.preventDefault();
  }

  return (
    <div
      class="chart" tabIndex={0} role="application" aria-roledescription="chart"
      aria-label={`${props.name}. Arrow keys move the cursor, plus and minus zoom.`}
      onKeyDown={onKeyDown} onBlur={leave}
      onPointerEnter={() => { active.current = true; }}
      onPointerLeave={() => { active.current = false; place.value = null; }}
    >
      <div ref={host} style={{ height: `${props.height ?? DEFAULT_HEIGHT}px` }} />
      <ChartTooltip frame={frame} unit={unit} place={place} plot={plot} />
      <div class="visually-hidden" aria-live="polite">{announcement}</div>
    </div>
  );
}
