// One host at a glance.

import { useMemo, useState } from 'preact/hooks';
import { connection, isLoading } from '../api/client';
import { useLoad } from '../api/use_load';
import { Empty, Notice } from '../components/notice';
import { RangePicker, shiftedRange } from '../components/range_picker';
import { RefreshPicker } from '../components/refresh_picker';
import { Select } from '../components/select';
import { alignSpan, DEFAULT_SCRAPE_SECONDS, rateWindow, stepFor } from '../lib/step';
import {
  formatDuration, formatLength, rangeFromParams, rangeToParams, resolveRange, type TimeRange,
} from '../lib/time';
import { ChartPanel } from '../panels/chart_panel';
import { Filesystems } from '../panels/filesystems';
import {
  hostMatchers, loadHostFacts, loadHosts, loadScrapeSeconds, type Host,
} from '../panels/host';
import { hostPanels, hostStats } from '../panels/host_queries';
import { HostStats } from '../panels/host_stats';
import { useClock } from '../settings/clock';
import { place, pushSearch } from '../settings/location';

/** Until an hour is there, the range that what is there fills best. */
const DEFAULT_RANGES_SECONDS = [300, 900, 3600];
const DEFAULT_REFRESH_SECONDS = 15;
/** Until the first samples are there it looks this often. */
const WAITING_REFRESH_SECONDS = 2;
const CHART_POINTS = 300;

function defaultRange(historySeconds: number): TimeRange {
  const fitting = DEFAULT_RANGES_SECONDS.find((seconds) => historySeconds <= seconds);
  return { kind: 'relative', seconds: fitting ?? DEFAULT_RANGES_SECONDS.at(-1)! };
}

function hostKey(host: Host): string {
  return JSON.stringify([host.job, host.instance]);
}

function chosenHost(hosts: readonly Host[], params: URLSearchParams): Host | undefined {
  const job = params.get('job');
  const instance = params.get('instance');
  return hosts.find((host) => host.instance === instance && (job === null || host.job === job))
    ?? hosts[0];
}

function Waiting() {
  if (connection.value !== 'connected') return <Empty title="Connecting…" />;
  return (
    <Empty title="No host metrics yet">
      The first samples show here one scrape after the start. This page looks for the metrics of
      the node exporter, built in or scraped; what is scraped is on{' '}
      <a href="targets">Targets</a>.
    </Empty>
  );
}

function HostHead({ host, facts }: {
  host: Host;
  facts: { uptimeSeconds: number | null; cpus: number | null;
           targetsUp: number; targetsDown: number } | null;
}) {
  return (
    <div class="host-head">
      <h1>{host.nodename}</h1>
      <span class="page-note host-system">
        {host.system}
        {facts?.cpus != null && `${host.system && ' · '}${facts.cpus} cores`}
        {facts?.uptimeSeconds != null && ` · up ${formatLength(facts.uptimeSeconds)}`}
      </span>
      {facts !== null && (
        <a class="target-count" href="targets">
          <span class={`dot ${facts.targetsDown > 0 ? 'is-bad' : 'is-good'}`} />
          {facts.targetsUp} targets up{facts.targetsDown > 0 && `, ${facts.targetsDown} down`}
        </a>
      )}
    </div>
  );
}

function HostCharts({ host, range, now, onRange }: {
  host: Host; range: TimeRange; now: number; onRange: (range: TimeRange) => void;
}) {
  const scrape = useLoad(JSON.stringify([hostKey(host), Math.floor(now / 30)]), (signal) =>
    loadScrapeSeconds(host, signal));
  const scrapeSeconds = scrape.data ?? (scrape.loading ? null : DEFAULT_SCRAPE_SECONDS);
  const span = resolveRange(range, now);
  const step = stepFor(span.end - span.start, CHART_POINTS, scrapeSeconds ?? 1);
  const { start, end } = alignSpan(span.start, span.end, step);
  const grid = useMemo(() => ({ start, end, step }), [start, end, step]);
  const matchers = hostMatchers(host);
  const window = formatDuration(rateWindow(step, scrapeSeconds ?? 1));
  const panels = useMemo(() => hostPanels(matchers, window), [matchers, window]);
  const stats = useMemo(() => hostStats(matchers, window), [matchers, window]);
  if (scrapeSeconds === null) return null;
  const zoom = (from: number, to: number): void => onRange({
    kind: 'absolute', start: Math.floor(from), end: Math.max(Math.ceil(to), Math.floor(from) + 10),
  });
  return (
    <>
      <HostStats stats={stats} grid={grid} />
      <div class="panel-grid">
        {panels.map((panel) => (
          <ChartPanel key={panel.title} {...panel} grid={grid}
                      onZoom={zoom} onZoomOut={() => onRange(shiftedRange(range, 0, 2))} />
        ))}
        <Filesystems matchers={matchers} time={range.kind === 'absolute' ? range.end : now} />
      </div>
    </>
  );
}

export function Overview() {
  const params = new URLSearchParams(place.value.search);
  const [refresh, setRefresh] = useState(DEFAULT_REFRESH_SECONDS);
  const [waiting, setWaiting] = useState(true);
  const clock = useClock(waiting ? WAITING_REFRESH_SECONDS : refresh, isLoading);
  const hosts = useLoad(String(clock.now), loadHosts);
  const host = chosenHost(hosts.data ?? [], params);
  if (waiting && host !== undefined) setWaiting(false);
  const facts = useLoad(host === undefined ? null : JSON.stringify([hostKey(host), clock.now]),
                        (signal) => loadHostFacts(host!, signal));
  const range = rangeFromParams(params, defaultRange(facts.data?.historySeconds ?? 0));

  function change(next: TimeRange, nextHost: Host | undefined): void {
    const changed = new URLSearchParams(rangeToParams(next));
    if (nextHost !== undefined && (hosts.data?.length ?? 0) > 1) {
      changed.set('job', nextHost.job);
      changed.set('instance', nextHost.instance);
    }
    pushSearch(changed);
    clock.tick();
  }

  return (
    <>
      <div class="page-head">
        {host === undefined ? <h1>Overview</h1> : <HostHead host={host} facts={facts.data} />}
        <span class="spacer" />
        {(hosts.data?.length ?? 0) > 1 && host !== undefined && (
          <Select name="Host" value={hostKey(host)}
                  choices={hosts.data!.map((one) => ({
                    value: hostKey(one), label: `${one.nodename} · ${one.instance}`,
                  }))}
                  onChange={(key) =>
                    change(range, hosts.data!.find((one) => hostKey(one) === key))} />
        )}
        <RangePicker range={range} onChange={(next) => change(next, host)} />
        <RefreshPicker seconds={refresh} onChange={setRefresh} onRefresh={clock.tick} />
      </div>
      {hosts.error !== null && <Notice kind="error">{hosts.error.message}</Notice>}
      {host === undefined && hosts.error === null && <Waiting />}
      {host !== undefined && (facts.data !== null || facts.error !== null) && (
        <HostCharts key={hostKey(host)} host={host} range={range} now={clock.now}
                    onRange={(next) => change(next, host)} />
      )}
    </>
  );
}
