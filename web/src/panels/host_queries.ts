// What the Overview asks about a host, as chart panels.

import type { RangeSeries } from '../api/prometheus';
import { seriesColour } from '../lib/colour';
import type { Unit } from '../lib/units';
import { peak } from '../lib/frame';
import type { PanelQuery } from './range_frame';

export interface PanelSpec {
  title: string;
  note?: string;
  unit: Unit;
  stacked?: boolean;
  filled?: boolean;
  queries: PanelQuery[];
}

const CPU_MODES = ['user', 'system', 'nice', 'iowait', 'irq', 'softirq', 'steal'];
const CPU_COLOURS: Record<string, number> = {
  user: 0, system: 1, nice: 5, iowait: 3, irq: 4, softirq: 6, steal: 8,
};
/** As many devices as one panel can tell apart, the busiest ones. */
const MAX_DEVICES = 6;

const single = (name: string, colour: number, expr: string,
                more: Partial<PanelQuery> = {}): PanelQuery =>
  ({ expr, label: () => name, colour: () => seriesColour(colour), ...more });

function byMode(series: RangeSeries[]): RangeSeries[] {
  const rank = (one: RangeSeries): number => {
    const index = CPU_MODES.indexOf(one.metric['mode'] ?? '');
    return index < 0 ? CPU_MODES.length : index;
  };
  const used = series.filter((one) =>
    rank(one) < 2 || (one.values ?? []).some(([, text]) => Number(text) > 0));
  return used.sort((a, b) => rank(a) - rank(b));
}

/** The busiest devices; loopback and idle ones only when there is nothing else. */
function busiest(series: RangeSeries[]): RangeSeries[] {
  const real = series.filter((one) => one.metric['device'] !== 'lo');
  const ranked = (real.length > 0 ? real : series).map((one) =>
    ({ one, peak: peak((one.values ?? []).map(([, text]) => Number(text))) }));
  ranked.sort((a, b) => b.peak - a.peak);
  const active = ranked.filter((entry, i) => i === 0 || entry.peak > 0);
  return active.slice(0, MAX_DEVICES).map(({ one }) => one).sort((a, b) =>
    (a.metric['device'] ?? '').localeCompare(b.metric['device'] ?? ''));
}

function perDevice(verb: string, expr: string, mirrored: boolean, shift: number): PanelQuery {
  return {
    expr, mirrored, arrange: busiest,
    label: (labels) => `${labels['device'] ?? ''} ${verb}`.trim(),
    colour: (_labels, index) => seriesColour(2 * index + shift),
  };
}

/** `m` are the host's matchers, `w` the window of rates. */
export function hostPanels(m: string, w: string): PanelSpec[] {
  const cpus = `scalar(count(count by (cpu) (node_cpu_seconds_total{${m}})))`;
  const cached = `node_memory_Cached_bytes{${m}} + node_memory_Buffers_bytes{${m}}`
    + ` + node_memory_SReclaimable_bytes{${m}}`;
  const disks = `${m},device!~"(loop|ram|fd|sr).*"`;
  return [
    {
      title: 'CPU', note: 'share of all cores, by mode', unit: 'ratio', stacked: true,
      queries: [{
        expr: `sum by (mode) (rate(node_cpu_seconds_total{${m},mode!="idle"}[${w}])) / ${cpus}`,
        arrange: byMode,
        label: (labels) => labels['mode'] ?? '',
        colour: (labels, index) => seriesColour(CPU_COLOURS[labels['mode'] ?? ''] ?? index),
      }],
    },
    {
      title: 'Memory', unit: 'bytes', stacked: true,
      queries: [
        single('used', 0, `node_memory_MemTotal_bytes{${m}} - node_memory_MemFree_bytes{${m}}`
          + ` - (${cached})`),
        single('cached', 5, cached),
        single('free', 10, `node_memory_MemFree_bytes{${m}}`, { faint: true }),
        single('swap used', 3, `node_memory_SwapTotal_bytes{${m}}`
          + ` - node_memory_SwapFree_bytes{${m}} > 0`, { reference: true }),
      ],
    },
    {
      title: 'Network', note: 'receive above, transmit below', unit: 'bytes_per_second',
      filled: true,
      queries: [
        perDevice('receive', `rate(node_network_receive_bytes_total{${m}}[${w}])`, false, 2),
        perDevice('transmit', `rate(node_network_transmit_bytes_total{${m}}[${w}])`, true, 3),
      ],
    },
    {
      title: 'Disk throughput', note: 'read above, write below', unit: 'bytes_per_second',
      filled: true,
      queries: [
        perDevice('read', `rate(node_disk_read_bytes_total{${disks}}[${w}])`, false, 9),
        perDevice('write', `rate(node_disk_written_bytes_total{${disks}}[${w}])`, true, 8),
      ],
    },
    {
      title: 'Disk utilisation', note: 'share of time with I/O under way', unit: 'ratio',
      filled: true,
      queries: [perDevice('', `rate(node_disk_io_time_seconds_total{${disks}}[${w}])`, false, 4)],
    },
    {
      title: 'Load', note: 'processes running or waiting', unit: 'number',
      queries: [
        single('1 min', 0, `node_load1{${m}}`),
        single('5 min', 1, `node_load5{${m}}`),
        single('15 min', 4, `node_load15{${m}}`),
        single('cores', 10, `count(count by (cpu) (node_cpu_seconds_total{${m}}))`,
               { reference: true }),
      ],
    },
  ];
}

export interface StatSpec {
  name: string;
  unit: Unit;
  colour: number;
  expr: string;
}

export function hostStats(m: string, w: string): StatSpec[] {
  const disks = `${m},device!~"(loop|ram|fd|sr).*"`;
  const wire = `${m},device!="lo"`;
  return [
    { name: 'CPU busy', unit: 'ratio', colour: 0,
      expr: `1 - avg(rate(node_cpu_seconds_total{${m},mode="idle"}[${w}]))` },
    { name: 'Memory used', unit: 'ratio', colour: 5,
      expr: `1 - node_memory_MemAvailable_bytes{${m}} / node_memory_MemTotal_bytes{${m}}` },
    { name: 'Load, 1 min', unit: 'number', colour: 1, expr: `node_load1{${m}}` },
    { name: 'Busiest disk', unit: 'ratio', colour: 4,
      expr: `max(rate(node_disk_io_time_seconds_total{${disks}}[${w}]))` },
    { name: 'Receive', unit: 'bytes_per_second', colour: 2,
      expr: `sum(rate(node_network_receive_bytes_total{${wire}}[${w}]))` },
    { name: 'Transmit', unit: 'bytes_per_second', colour: 3,
      expr: `sum(rate(node_network_transmit_bytes_total{${wire}}[${w}]))` },
  ];
}
