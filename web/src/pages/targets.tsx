// What is scraped and how that goes.

import { useMemo, useState } from 'preact/hooks';
import { connection, isLoading } from '../api/client';
import { activeTargets, type Target } from '../api/prometheus';
import { useLoad } from '../api/use_load';
import { Icon } from '../components/icon';
import { Empty, Notice } from '../components/notice';
import { RefreshPicker } from '../components/refresh_picker';
import { SearchField } from '../components/search_field';
import { Segmented } from '../components/segmented';
import { VirtualRows } from '../components/virtual_rows';
import { countHealth, groupByPool, matchesSearch, type Health, type Pool } from '../lib/targets';
import { TargetRow } from '../panels/target_row';
import { useClock } from '../settings/clock';
import { place, rewriteSearch } from '../settings/location';

type Filter = 'all' | Health;

const DEFAULT_REFRESH_SECONDS = 5;
const ROW_HEIGHT = 34;

interface Row {
  key: string;
  pool: Pool<Target>;
  /** Null for the pool's own head row. */
  target: Target | null;
}

function rowsOf(pools: readonly Pool<Target>[], closed: ReadonlySet<string>): Row[] {
  return pools.flatMap((pool) => {
    const head: Row = { key: `pool ${pool.name}`, pool, target: null };
    if (closed.has(pool.name)) return [head];
    return [head, ...pool.targets.map((target, i) => ({
      key: `${pool.name} ${target.scrapeUrl} ${JSON.stringify(target.labels)} ${i}`, pool, target,
    }))];
  });
}

function toggled(set: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(key)) next.add(key);
  return next;
}

function PoolHead({ pool, open, rowIndex, onToggle }: {
  pool: Pool<Target>; open: boolean; rowIndex: number; onToggle: () => void;
}) {
  const { up, down, unknown } = pool.counts;
  return (
    <div class="pool-head" role="row" aria-rowindex={rowIndex}>
      <div role="cell">
        <button type="button" class="pool-toggle" aria-expanded={open} onClick={onToggle}>
          <span class={`turn${open ? ' is-open' : ''}`}><Icon name="chevron" size={12} /></span>
          <span class="pool-name">{pool.name}</span>
          <span class="pool-counts">
            {up > 0 && <span>{up} up</span>}
            {down > 0 && <span class="is-bad">{down} down</span>}
            {unknown > 0 && <span>{unknown} unknown</span>}
          </span>
        </button>
      </div>
    </div>
  );
}

function TargetList({ pools, now }: { pools: Pool<Target>[]; now: number }) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => rowsOf(pools, closed), [pools, closed]);
  const keys = useMemo(() => rows.map((row) => row.key), [rows]);

  function render(index: number) {
    const row = rows[index]!;
    if (row.target === null) {
      return (
        <PoolHead pool={row.pool} open={!closed.has(row.pool.name)} rowIndex={index + 2}
                  onToggle={() => setClosed(toggled(closed, row.pool.name))} />
      );
    }
    return (
      <TargetRow target={row.target} rowIndex={index + 2} now={now} open={opened.has(row.key)}
                 onToggle={() => setOpened(toggled(opened, row.key))} />
    );
  }

  return (
    <div class="targets" role="table" aria-label="Targets" aria-rowcount={rows.length + 1}>
      <div class="targets-head" role="row" aria-rowindex={1}>
        <div role="columnheader" class="target-state">State</div>
        <div role="columnheader" class="target-url">Endpoint</div>
        <div role="columnheader" class="target-labels">Labels</div>
        <div role="columnheader" class="target-ago">Last scrape</div>
        <div role="columnheader" class="target-took">Took</div>
      </div>
      <VirtualRows keys={keys} rowHeight={ROW_HEIGHT} render={render} />
    </div>
  );
}

function filterFromParams(params: URLSearchParams): Filter {
  const health = params.get('health');
  return health === 'up' || health === 'down' || health === 'unknown' ? health : 'all';
}

export function Targets() {
  const params = new URLSearchParams(place.value.search);
  const search = params.get('search') ?? '';
  const filter = filterFromParams(params);
  const [refresh, setRefresh] = useState(DEFAULT_REFRESH_SECONDS);
  const clock = useClock(refresh, isLoading);
  const { data, error, loading } = useLoad(String(clock.now), activeTargets);

  const found = useMemo(() => (data ?? []).filter((one) => matchesSearch(one, search)),
                        [data, search]);
  const counts = countHealth(found);
  const pools = useMemo(() => groupByPool(
    filter === 'all' ? found : found.filter((one) => one.health === filter)), [found, filter]);

  function rewrite(nextSearch: string, nextFilter: Filter): void {
    const next = new URLSearchParams();
    if (nextSearch !== '') next.set('search', nextSearch);
    if (nextFilter !== 'all') next.set('health', nextFilter);
    const text = next.toString();
    rewriteSearch(text === '' ? '' : `?${text}`);
  }

  const choices: { value: Filter; label: string }[] = [
    { value: 'all', label: `All ${found.length}` },
    { value: 'up', label: `Up ${counts.up}` },
    { value: 'down', label: `Down ${counts.down}` },
    { value: 'unknown', label: `Unknown ${counts.unknown}` },
  ];
  const connecting = loading && data === null && connection.value !== 'connected';
  return (
    <>
      <div class="page-head">
        <h1>Targets</h1>
        <SearchField name="Search URL, label or error" value={search}
                     onChange={(text) => rewrite(text, filter)} />
        <Segmented name="Health" value={filter} choices={choices}
                   onChange={(chosen) => rewrite(search, chosen)} />
        <span class="spacer" />
        <RefreshPicker seconds={refresh} onChange={setRefresh} onRefresh={clock.tick} />
      </div>
      {error !== null && <Notice kind="error">{error.message}</Notice>}
      {connecting && <Empty title="Connecting…" />}
      {data?.length === 0 && (
        <Empty title="Nothing is scraped">The configuration names no targets.</Empty>
      )}
      {data !== null && data.length > 0 && pools.length === 0 && (
        <Empty title="No target matches" />
      )}
      {pools.length > 0 && <TargetList pools={pools} now={clock.now} />}
    </>
  );
}
