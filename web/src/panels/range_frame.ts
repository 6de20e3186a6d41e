// Range queries of a panel, answered as one frame.

import { queryRange, type RangeSeries } from '../api/prometheus';
import { alignPoints, gridTimes, highestPeaks, type Frame, type FrameSeries } from '../lib/frame';
import type { Labels } from '../lib/labels';
import type { TimeSpan } from '../lib/time';

export interface PanelQuery {
  expr: string;
  /** Which series of the answer to draw, and in what order; all of them without it. */
  arrange?: (series: RangeSeries[]) => RangeSeries[];
  label: (labels: Labels) => string;
  colour: (labels: Labels, index: number) => string;
  mirrored?: boolean;
  reference?: boolean;
  faint?: boolean;
}

export interface Grid extends TimeSpan {
  step: number;
}

/** More lines than this on a small panel cannot be told apart. */
const MAX_SERIES = 16;

async function loadQuery(query: PanelQuery, grid: Grid,
                         signal: AbortSignal): Promise<FrameSeries[]> {
  const { data } = await queryRange(query.expr, grid.start, grid.end, grid.step, signal);
  if (data.resultType !== 'matrix') return [];
  const count = gridTimes(grid.start, grid.end, grid.step).length;
  const arranged = query.arrange === undefined ? data.result : query.arrange(data.result);
  const series = arranged.map((one, index) => {
    const drawn: FrameSeries = {
      key: `${query.mirrored ? '-' : '+'}${query.label(one.metric)}`,
      label: query.label(one.metric),
      colour: query.colour(one.metric, index),
      values: alignPoints(one.values ?? [], grid.start, grid.step, count),
    };
    if (query.mirrored) drawn.mirrored = true;
    if (query.reference) drawn.reference = true;
    if (query.faint) drawn.faint = true;
    return drawn;
  });
  return highestPeaks(series, MAX_SERIES);
}

export async function loadFrame(queries: readonly PanelQuery[], grid: Grid,
                                signal: AbortSignal): Promise<Frame> {
  const answers = await Promise.all(queries.map((query) => loadQuery(query, grid, signal)));
  return { times: gridTimes(grid.start, grid.end, grid.step), series: answers.flat() };
}
