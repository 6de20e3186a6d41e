// The strip of present values above the Overview's charts.

import { useLoad } from '../api/use_load';
import { Sparkline } from '../components/sparkline';
import { seriesColour } from '../lib/colour';
import { lastValue } from '../lib/frame';
import { formatValue } from '../lib/units';
import type { StatSpec } from './host_queries';
import { loadFrame, type Grid } from './range_frame';

function Stat({ stat, grid }: { stat: StatSpec; grid: Grid }) {
  const colour = seriesColour(stat.colour);
  const query = { expr: stat.expr, label: () => stat.name, colour: () => colour };
  const { data } = useLoad(JSON.stringify([grid, stat.expr]),
                           (signal) => loadFrame([query], grid, signal));
  const values = data?.series[0]?.values ?? [];
  const value = lastValue(values);
  const [number, unit] = value === null ? ['–', ''] : formatValue(value, stat.unit).split(' ');
  return (
    <div class="stat">
      <div class="stat-name">{stat.name}</div>
      <div class="stat-value">{number}{unit && <span class="stat-unit"> {unit}</span>}</div>
      <Sparkline values={values} colour={colour} />
    </div>
  );
}

export function HostStats({ stats, grid }: { stats: readonly StatSpec[]; grid: Grid }) {
  return (
    <section class="stats" aria-label="Present values">
      {stats.map((stat) => <Stat key={stat.name} stat={stat} grid={grid} />)}
    </section>
  );
}
