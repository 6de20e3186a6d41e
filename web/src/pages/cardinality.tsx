// What costs most in the store: which metrics, labels and values have the most series.

import { useState } from 'preact/hooks';
import { connection, isLoading } from '../api/client';
import { storeStatus, type Count } from '../api/prometheus';
import { useLoad } from '../api/use_load';
import { Empty, Notice } from '../components/notice';
import { RefreshPicker } from '../components/refresh_picker';
import { formatValue, type Unit } from '../lib/units';
import { useClock } from '../settings/clock';

const DEFAULT_REFRESH_SECONDS = 60;
const SHOWN = 20;

/** A query that shows the series behind a count. */
type Expression = (name: string) => string;

const byMetric: Expression = (name) => `{__name__=${JSON.stringify(name)}}`;
const byLabel: Expression = (name) => `count by (${name}) ({${name}!=""})`;

function byPair(name: string): string {
  const split = name.indexOf('=');
  return `{${name.slice(0, split)}=${JSON.stringify(name.slice(split + 1))}}`;
}

function Counts({ title, counts, unit, expression }: {
  title: string; counts: readonly Count[]; unit: Unit; expression: Expression;
}) {
  const most = counts[0]?.value ?? 0;
  return (
    <section class="counts">
      <h2>{title}</h2>
      <table>
        <tbody>
          {counts.map(({ name, value }) => (
            <tr key={name}>
              <th scope="row">
                <a href={`query?g0.expr=${encodeURIComponent(expression(name))}&g0.tab=table`}>
                  {name}
                </a>
              </th>
              <td class="counts-bar">
                <span style={{ width: `${most === 0 ? 0 : (value / most) * 100}%` }} />
              </td>
              <td class="counts-value" title={String(value)}>{formatValue(value, unit)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function Cardinality() {
  const [refresh, setRefresh] = useState(DEFAULT_REFRESH_SECONDS);
  const clock = useClock(refresh, isLoading);
  const { data, error, loading } = useLoad(String(clock.now),
                                           (signal) => storeStatus(SHOWN, signal));
  const connecting = loading && data === null && connection.value !== 'connected';
  return (
    <>
      <div class="page-head">
        <h1>Cardinality</h1>
        {data !== null && (
          <span class="page-fact">
            {formatValue(data.headStats.numSeries, 'number')} series,{' '}
            {formatValue(data.headStats.numLabelPairs, 'number')} label pairs
          </span>
        )}
        <span class="spacer" />
        <RefreshPicker seconds={refresh} onChange={setRefresh} onRefresh={clock.tick} />
      </div>
      {error !== null && <Notice kind="error">{error.message}</Notice>}
      {connecting && <Empty title="Connecting…" />}
      {data !== null && (
        <div class="counts-grid">
          <Counts title="Series by metric" counts={data.seriesCountByMetricName} unit="number"
                  expression={byMetric} />
          <Counts title="Values by label" counts={data.labelValueCountByLabelName} unit="number"
                  expression={byLabel} />
          <Counts title="Series by label and value" counts={data.seriesCountByLabelValuePair}
                  unit="number" expression={byPair} />
          <Counts title="Memory by label" counts={data.memoryInBytesByLabelName} unit="bytes"
                  expression={byLabel} />
        </div>
      )}
    </>
  );
}
