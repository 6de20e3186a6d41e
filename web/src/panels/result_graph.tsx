// The answer of a range query as a graph with its legend.

import { useSignal } from '@preact/signals';
import { useMemo, useState } from 'preact/hooks';
import { DataTable } from '../charts/data_table';
import { Legend } from '../charts/legend';
import { TimeChart } from '../charts/time_chart';
import { Empty, Notice } from '../components/notice';
import { MAX_DRAWN, type GraphResult } from './query_result';

interface ResultGraphProps {
  result: GraphResult;
  expr: string;
  stacked: boolean;
  asTable: boolean;
  onZoom: (start: number, end: number) => void;
  onZoomOut: () => void;
}

const HEIGHT = 340;

export function ResultGraph(props: ResultGraphProps) {
  const { result, expr, stacked } = props;
  const cursorIndex = useSignal<number | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const visible = useMemo(() => ({
    times: result.frame.times,
    series: result.frame.series.filter((one) => !hidden.has(one.key)),
  }), [result, hidden]);
  return (
    <>
      {result.seriesCount > MAX_DRAWN && (
        <Notice kind="info">
          Drawn are the {MAX_DRAWN} series with the highest peaks of{' '}
          {result.seriesCount.toLocaleString('en')}. An aggregation such as topk or sum by shows
          the rest.
        </Notice>
      )}
      {result.histogramCount > 0 && (
        <Notice kind="info">
          {result.histogramCount} native histogram series are not lines: see the table, or graph
          histogram_quantile(0.99, …) of them.
        </Notice>
      )}
      {result.frame.series.length === 0 ? <Empty title="No data in this range" /> : (
        <>
          {props.asTable ? <DataTable frame={visible} unit="number" name={expr} /> : (
            <TimeChart frame={visible} span={result.grid} unit="number" name={`Graph of ${expr}`}
                       stacked={stacked} zeroBased={false} height={HEIGHT}
                       cursorIndex={cursorIndex} onZoom={props.onZoom}
                       onZoomOut={props.onZoomOut} />
          )}
          <Legend series={result.frame.series} unit="number" hidden={hidden} onHidden={setHidden}
                  cursorIndex={cursorIndex} list />
        </>
      )}
    </>
  );
}
