// A panel with a live chart: loads, draws, explains itself when there is nothing to draw.

import { useSignal } from '@preact/signals';
import { useMemo, useState } from 'preact/hooks';
import { useLoad } from '../api/use_load';
import { DataTable } from '../charts/data_table';
import { Legend } from '../charts/legend';
import { TimeChart } from '../charts/time_chart';
import { Icon } from '../components/icon';
import { Empty, Notice } from '../components/notice';
import { Panel } from '../components/panel';
import type { Unit } from '../lib/units';
import { loadFrame, type Grid, type PanelQuery } from './range_frame';

interface ChartPanelProps {
  title: string;
  note?: string;
  unit: Unit;
  queries: readonly PanelQuery[];
  grid: Grid;
  stacked?: boolean;
  filled?: boolean;
  onZoom: (start: number, end: number) => void;
  onZoomOut: () => void;
}

export function ChartPanel(props: ChartPanelProps) {
  const { title, note, unit, queries, grid, stacked = false, filled = false } = props;
  const cursorIndex = useSignal<number | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [asTable, setAsTable] = useState(false);
  const key = JSON.stringify([grid, queries.map((query) => query.expr)]);
  const { data, error, loading } = useLoad(key, async (signal) =>
    ({ frame: await loadFrame(queries, grid, signal), grid }));

  const visible = useMemo(() => data && {
    times: data.frame.times,
    series: data.frame.series.filter((one) => !hidden.has(one.key)),
  }, [data, hidden]);
  const hasData = data?.frame.series.some((one) => one.values.some((value) => value !== null));

  const toggle = (
    <button type="button" class="button is-icon is-bare is-small" aria-pressed={asTable}
            aria-label={`${title}: data table`} title="Data table"
            onClick={() => setAsTable(!asTable)}>
      <Icon name="table" size={14} />
    </button>
  );
  return (
    <Panel title={title} busy={loading} actions={toggle} {...(note ? { note } : {})}>
      {error !== null && (
        <div class="panel-body"><Notice kind="error">{error.message}</Notice></div>
      )}
      {data === null && error === null && <div class="panel-wait" />}
      {data !== null && !hasData && (
        <Empty title="No data in this range">Rates need two scrapes before they show.</Empty>
      )}
      {visible !== null && hasData && (
        <>
          {asTable ? <DataTable frame={visible} unit={unit} name={title} /> : (
            <TimeChart frame={visible} span={data!.grid} unit={unit} name={title}
                       stacked={stacked} filled={filled} syncKey="overview"
                       cursorIndex={cursorIndex}
                       onZoom={props.onZoom} onZoomOut={props.onZoomOut} />
          )}
          <Legend series={data!.frame.series} unit={unit} hidden={hidden} onHidden={setHidden}
                  cursorIndex={cursorIndex} />
        </>
      )}
    </Panel>
  );
}
