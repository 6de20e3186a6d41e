// The answer of an instant query, row by row.

import { useMemo } from 'preact/hooks';
import type { Histogram, InstantSeries, QueryData, RangeSeries } from '../api/prometheus';
import { Empty } from '../components/notice';
import { VirtualRows } from '../components/virtual_rows';
import { parseSample } from '../lib/frame';
import { formatSeries, labelEntries, quote, type Labels } from '../lib/labels';
import { formatDateTime } from '../lib/time';
import { formatValue } from '../lib/units';
import { zone } from '../settings/settings';

const ROW_HEIGHT = 29;
/** Raw samples shown of one series of a range vector. */
const MAX_SAMPLES = 50;

function SeriesName({ metric }: { metric: Labels }) {
  const entries = labelEntries(metric);
  return (
    <code class="series">
      <span class="series-name">{metric['__name__'] ?? ''}</span>
      {(entries.length > 0 || metric['__name__'] === undefined) && '{'}
      {entries.map(([name, value], i) => (
        <span key={name}>
          {i > 0 && ', '}
          <span class="series-label">{name}</span>=<span class="series-value">{quote(value)}</span>
        </span>
      ))}
      {(entries.length > 0 || metric['__name__'] === undefined) && '}'}
    </code>
  );
}

function HistogramValue({ histogram }: { histogram: Histogram }) {
  const buckets = histogram.buckets ?? [];
  const most = Math.max(...buckets.map((bucket) => parseSample(bucket[3])), 0);
  const mean = Number(histogram.sum) / Number(histogram.count);
  return (
    <div class="histogram">
      <div>
        count {histogram.count} · sum {histogram.sum}
        {Number.isFinite(mean) && ` · mean ${formatValue(mean, 'number')}`}
      </div>
      {buckets.map(([rule, left, right, count]) => {
        const bounds = `${rule === 1 || rule === 3 ? '[' : '('}${left}, ${right}`
          + `${rule === 0 || rule === 3 ? ']' : ')'}`;
        const share = most > 0 ? parseSample(count) / most : 0;
        return (
          <div class="histogram-bucket" key={bounds}>
            <span>{bounds}</span>
            <span class="histogram-bar"><span style={{ width: `${share * 100}%` }} /></span>
            <span>{count}</span>
          </div>
        );
      })}
    </div>
  );
}

function InstantValue({ series }: { series: InstantSeries }) {
  if (series.histogram !== undefined) return <HistogramValue histogram={series.histogram[1]} />;
  return <>{series.value?.[1] ?? ''}</>;
}

function RangeValue({ series }: { series: RangeSeries }) {
  const values = series.values ?? [];
  const shown = values.slice(-MAX_SAMPLES);
  const histograms = series.histograms ?? [];
  const newest = histograms[histograms.length - 1];
  return (
    <>
      {shown.map(([time, value]) => (
        <div key={time}>
          {value} <span class="at">@ {formatDateTime(time, zone.value)}</span>
        </div>
      ))}
      {values.length > shown.length && (
        <div class="at">the newest {shown.length} of {values.length} samples</div>
      )}
      {newest !== undefined && (
        <>
          <div class="at">the newest of {histograms.length} histograms</div>
          <HistogramValue histogram={newest[1]} />
        </>
      )}
    </>
  );
}

function SeriesTable({ series }: { series: readonly (InstantSeries | RangeSeries)[] }) {
  const keys = useMemo(() => series.map((one) => formatSeries(one.metric)), [series]);
  return (
    <div class="results" role="table" aria-label="Result" aria-rowcount={series.length}>
      <VirtualRows keys={keys} rowHeight={ROW_HEIGHT} render={(index) => {
        const one = series[index]!;
        return (
          <div class="result" role="row" aria-rowindex={index + 1}>
            <div role="cell" class="result-series"><SeriesName metric={one.metric} /></div>
            <div role="cell" class="result-value">
              {'values' in one || 'histograms' in one
                ? <RangeValue series={one} /> : <InstantValue series={one} />}
            </div>
          </div>
        );
      }} />
    </div>
  );
}

export function ResultTable({ data }: { data: QueryData }) {
  if (data.resultType === 'scalar' || data.resultType === 'string') {
    return (
      <div class="results">
        <div class="result">
          <div class="result-series at">{data.resultType}</div>
          <div class="result-value">{data.result[1]}</div>
        </div>
      </div>
    );
  }
  if (data.result.length === 0) return <Empty title="Empty result">No series matches.</Empty>;
  return <SeriesTable series={data.result} />;
}
