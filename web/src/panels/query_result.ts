// Runs the query of a panel and shapes the answer for its tab.

import { query, queryRange, type QueryData } from '../api/prometheus';
import { seriesColour } from '../lib/colour';
import {
  alignPoints, gridTimes, highestPeaks, type Frame, type FrameSeries,
} from '../lib/frame';
import { formatSeries, withoutShared } from '../lib/labels';
import type { QueryState } from '../lib/query_url';
import { alignSpan, stepFor } from '../lib/step';
import type { Grid } from './range_frame';

/** Lines drawn at once; more cannot be told apart and slow the pointer down. */
export const MAX_DRAWN = 200;
const GRAPH_POINTS = 300;

interface Notes {
  warnings: string[];
  infos: string[];
  tookMs: number;
}

export interface TableResult extends Notes {
  tab: 'table';
  data: QueryData;
}

export interface GraphResult extends Notes {
  tab: 'graph';
  frame: Frame;
  grid: Grid;
  seriesCount: number;
  histogramCount: number;
}

export type QueryResult = TableResult | GraphResult;

export function graphGrid(state: QueryState, now: number): Grid {
  const end = state.end ?? now;
  const step = state.stepSeconds ?? stepFor(state.rangeSeconds, GRAPH_POINTS, 1);
  return { ...alignSpan(end - state.rangeSeconds, end, step), step };
}


async function runTable(state: QueryState, signal: AbortSignal): Promise<TableResult> {
  const started = performance.now();
  const { data, warnings, infos } = await query(state.expr, state.end, signal);
  return { tab: 'table', data, warnings, infos, tookMs: performance.now() - started };
}

async function runGraph(state: QueryState, now: number, signal: AbortSignal): Promise<GraphResult> {
  const grid = graphGrid(state, now);
  const started = performance.now();
  const { data, warnings, infos } =
    await queryRange(state.expr, grid.start, grid.end, grid.step, signal);
  const tookMs = performance.now() - started;
  const result = data.resultType === 'matrix' ? data.result : [];
  const times = gridTimes(grid.start, grid.end, grid.step);
  const lines = result.filter((one) => (one.values?.length ?? 0) > 0);
  const drawn = highestPeaks(lines.map((one) => ({
    metric: one.metric, values: alignPoints(one.values!, grid.start, grid.step, times.length),
  })), MAX_DRAWN);
  const telling = withoutShared(drawn.map((one) => one.metric));
  const series: FrameSeries[] = drawn.map((one, i) => {
    const label = formatSeries(telling[i]!);
    const fullName = formatSeries(one.metric);
    return {
      key: fullName, label: label === '{}' ? state.expr : label, fullName,
      colour: seriesColour(i), values: one.values,
    };
  });
  return {
    tab: 'graph', frame: { times, series }, grid, warnings, infos, tookMs,
    seriesCount: lines.length,
    histogramCount: result.filter((one) => (one.histograms?.length ?? 0) > 0).length,
  };
}

export function runQuery(state: QueryState, now: number,
                         signal: AbortSignal): Promise<QueryResult> {
  return state.tab === 'table' ? runTable(state, signal) : runGraph(state, now, signal);
}
