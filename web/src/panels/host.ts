// Which hosts there are, by the metrics of the node exporter, whatever job collects them.

import { query, type InstantSeries } from '../api/prometheus';
import { formatMatchers, type Labels } from '../lib/labels';
import { DEFAULT_SCRAPE_SECONDS } from '../lib/step';

export interface Host {
  job: string;
  instance: string;
  nodename: string;
  system: string;
}

export function hostMatchers(host: Host): string {
  return formatMatchers({ job: host.job, instance: host.instance });
}

async function vector(expr: string, signal: AbortSignal): Promise<InstantSeries[]> {
  const { data } = await query(expr, null, signal);
  return data.resultType === 'vector' ? data.result : [];
}

function system(labels: Labels): string {
  return [labels['sysname'], labels['release'], labels['machine']].filter(Boolean).join(' ');
}

export async function loadHosts(signal: AbortSignal): Promise<Host[]> {
  const [named, counted] = await Promise.all([
    vector('node_uname_info', signal),
    vector('count by (job, instance) (node_cpu_seconds_total)', signal),
  ]);
  const hosts = new Map<string, Host>();
  for (const { metric } of [...counted, ...named]) {
    const job = metric['job'] ?? '';
    const instance = metric['instance'] ?? '';
    hosts.set(JSON.stringify([job, instance]), {
      job, instance, nodename: metric['nodename'] ?? instance, system: system(metric),
    });
  }
  return [...hosts.values()].sort((a, b) =>
    a.nodename.localeCompare(b.nodename) || a.instance.localeCompare(b.instance));
}

/** Median distance between the host's last scrapes: the samples know, whatever the config says. */
export async function loadScrapeSeconds(host: Host, signal: AbortSignal): Promise<number> {
  const { data } = await query(`up{${hostMatchers(host)}}[10m]`, null, signal);
  const values = data.resultType === 'matrix' ? data.result[0]?.values ?? [] : [];
  const gaps = values.slice(1).map(([time], i) => time - values[i]![0]).sort((a, b) => a - b);
  const median = gaps[gaps.length >> 1];
  return median === undefined ? DEFAULT_SCRAPE_SECONDS : Math.max(1, Math.round(median));
}

export interface HostFacts {
  uptimeSeconds: number | null;
  cpus: number | null;
  targetsUp: number;
  targetsDown: number;
  /** How far back there are samples, an hour at most. */
  historySeconds: number;
}

export async function loadHostFacts(host: Host, signal: AbortSignal): Promise<HostFacts> {
  const matchers = hostMatchers(host);
  const [uptime, cpus, up, down, history] = await Promise.all([
    vector(`node_time_seconds{${matchers}} - node_boot_time_seconds{${matchers}}`, signal),
    vector(`count(count by (cpu) (node_cpu_seconds_total{${matchers}}))`, signal),
    vector('count(up == 1)', signal),
    vector('count(up == 0)', signal),
    vector(`time() - min(min_over_time(timestamp(node_time_seconds{${matchers}})[1h:15s]))`, signal),
  ]);
  const number = (series: InstantSeries[]): number | null =>
    series[0]?.value === undefined ? null : Number(series[0].value[1]);
  return {
    uptimeSeconds: number(uptime), cpus: number(cpus),
    targetsUp: number(up) ?? 0, targetsDown: number(down) ?? 0,
    historySeconds: number(history) ?? 0,
  };
}
