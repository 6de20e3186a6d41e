// The numbers behind a chart, newest first.

import type { Frame } from '../lib/frame';
import { formatDateTime } from '../lib/time';
import { formatValue, type Unit } from '../lib/units';
import { zone } from '../settings/settings';

const MAX_ROWS = 300;
const MAX_SERIES = 30;

export function DataTable({ frame, unit, name }: { frame: Frame; unit: Unit; name: string }) {
  const series = frame.series.slice(0, MAX_SERIES);
  const first = Math.max(0, frame.times.length - MAX_ROWS);
  const rows = Array.from({ length: frame.times.length - first },
                          (_, i) => frame.times.length - 1 - i);
  const cut = series.length < frame.series.length || first > 0;
  return (
    <div class="data-table" tabIndex={0} role="region" aria-label={`Data of ${name}`}>
      <table>
        {cut && (
          <caption>
            The newest {rows.length} of {frame.times.length} times, {series.length} of{' '}
            {frame.series.length} series
          </caption>
        )}
        <thead>
          <tr>
            <th scope="col">Time</th>
            {series.map((one) => <th scope="col" key={one.key}>{one.label}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.map((i) => (
            <tr key={frame.times[i]}>
              <th scope="row">{formatDateTime(frame.times[i]!, zone.value)}</th>
              {series.map((one) => (
                <td key={one.key}>
                  {one.values[i] == null ? '' : formatValue(one.values[i]!, unit)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
