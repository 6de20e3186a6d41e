// uPlot, set up the way every chart here looks and behaves.

import uPlot from 'uplot';
import { drawnValues, stackedOn, type Frame } from '../lib/frame';
import { formatTick, type TimeSpan, type Zone } from '../lib/time';
import { formatTicks, tickDistances, type Unit } from '../lib/units';

export interface PlotOptions {
  frame: Frame;
  unit: Unit;
  stacked: boolean;
  filled: boolean;
  zeroBased: boolean;
  zone: Zone;
  height: number;
  syncKey: string | null;
  span: () => TimeSpan;
  onCursor: (index: number | null, left: number, top: number) => void;
  onZoom: (start: number, end: number) => void;
  onZoomOut: () => void;
}

/** Narrower drags are clicks. */
const MIN_DRAG_PX = 6;
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** The value of a `var(--token)`: a canvas takes colours only. */
export function resolveColour(colour: string): string {
  const token = /^var\((--[\w-]+)\)$/.exec(colour)?.[1];
  if (token === undefined) return colour;
  return getComputedStyle(document.documentElement).getPropertyValue(token).trim();
}

function isolatedPoints(plot: uPlot, seriesIndex: number): number[] {
  const values = plot.data[seriesIndex] as (number | null)[];
  const isolated: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const alone = values[i - 1] == null && values[i + 1] == null;
    if (values[i] != null && alone) isolated.push(i);
  }
  return isolated;
}

function seriesOptions(options: PlotOptions): uPlot.Series[] {
  return options.frame.series.map((one) => {
    const colour = resolveColour(one.colour);
    const shaded = !one.reference && (options.stacked || options.filled);
    const series: uPlot.Series = {
      label: one.label,
      stroke: colour,
      width: one.reference ? 1 : 1.25,
      spanGaps: false,
      points: { show: true, size: 4, filter: (plot, index) => isolatedPoints(plot, index) },
    };
    if (shaded) series.fill = colour + (one.faint ? '12' : options.stacked ? '59' : '1f');
    if (shaded) series.fillTo = 0;
    if (one.reference) series.dash = [4, 4];
    return series;
  });
}

function bands(options: PlotOptions): uPlot.Band[] {
  if (!options.stacked) return [];
  return stackedOn(options.frame.series).flatMap((under, i) =>
    under === null ? [] : [{ series: [i + 1, under + 1] as [number, number] }]);
}

function axes(options: PlotOptions): uPlot.Axis[] {
  const text = resolveColour('var(--chart-text)');
  const grid = { stroke: resolveColour('var(--chart-grid)'), width: 1 };
  const quiet = { font: FONT, stroke: text, grid, ticks: { show: false } };
  const distances = tickDistances(options.unit);
  return [
    {
      ...quiet,
      space: 70,
      size: 30,
      gap: 8,
      grid: { show: false },
      values: (_plot, splits, _axis, _space, distance) =>
        splits.map((at) => formatTick(at, distance, options.zone)),
    },
    {
      ...quiet,
      space: 28,
      gap: 8,
      size: (plot, values) => {
        plot.ctx.font = FONT;
        const widest = (values ?? []).reduce((width, value) =>
          Math.max(width, plot.ctx.measureText(value).width), 0);
        return Math.max(64, Math.ceil(widest) + 14);
      },
      values: (_plot, splits) => formatTicks(splits.map(Math.abs), options.unit),
      ...(distances === undefined ? {} : { incrs: distances }),
    },
  ];
}

function cursorOptions(options: PlotOptions): uPlot.Cursor {
  const cursor: uPlot.Cursor = {
    y: false,
    points: { size: 6, width: 1.5 },
    drag: { x: true, y: false, setScale: false },
    bind: {
      dblclick: () => () => {
        options.onZoomOut();
        return null;
      },
    },
  };
  if (options.syncKey !== null) {
    const moves = (type: string): boolean => type === 'mousemove' || type === 'mouseleave';
    cursor.sync = { key: options.syncKey, setSeries: false, filters: { pub: moves, sub: moves } };
  }
  return cursor;
}

function zoomToSelection(plot: uPlot, options: PlotOptions): void {
  const { left, width } = plot.select;
  if (width < MIN_DRAG_PX) return;
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  options.onZoom(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
}

export function plotData(frame: Frame, stacked: boolean): uPlot.AlignedData {
  return [frame.times, ...drawnValues(frame.series, stacked)];
}

export function createPlot(host: HTMLElement, options: PlotOptions): uPlot {
  const anchored = options.zeroBased || options.stacked || options.filled;
  return new uPlot({
    width: Math.max(1, host.clientWidth),
    height: options.height,
    padding: [8, 20, 0, 0],
    legend: { show: false },
    cursor: cursorOptions(options),
    tzDate: (time) => options.zone === 'utc'
      ? uPlot.tzDate(new Date(time * 1000), 'Etc/UTC')
      : new Date(time * 1000),
    scales: {
      x: {
        time: true,
        range: () => {
          const { start, end } = options.span();
          return [start, end];
        },
      },
      y: {
        range: (_plot, min, max) => {
          if (min === null || max === null) return [0, 1];
          const soft = anchored ? 1 : 3;
          return uPlot.rangeNum(min, max, {
            min: { pad: 0.08, soft: 0, mode: soft }, max: { pad: 0.08, soft: 0, mode: soft },
          });
        },
      },
    },
    axes: axes(options),
    series: [{}, ...seriesOptions(options)],
    bands: bands(options),
    hooks: {
      setCursor: [(plot) => {
        const { idx, left, top } = plot.cursor;
        options.onCursor(left !== undefined && left >= 0 ? idx ?? null : null, left ?? 0, top ?? 0);
      }],
      setSelect: [(plot) => zoomToSelection(plot, options)],
    },
  }, plotData(options.frame, options.stacked), host);
}
