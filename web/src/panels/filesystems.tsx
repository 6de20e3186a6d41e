// Filesystems of a host: how full, how much is left.

import { query, type InstantSeries } from '../api/prometheus';
import { useLoad } from '../api/use_load';
import { Empty, Notice } from '../components/notice';
import { Panel } from '../components/panel';
import { formatValue } from '../lib/units';

interface Filesystem {
  mountpoint: string;
  device: string;
  type: string;
  size: number;
  available: number;
}

/** Memory and kernel filesystems: nothing to run out of that memory does not already show. */
const VIRTUAL = 'tmpfs|devtmpfs|ramfs|squashfs|iso9660|nsfs|rpc_pipefs|fuse.lxcfs|efivarfs';
const NEARLY_FULL = 0.85;
const FULL = 0.95;

function identity(series: InstantSeries): string {
  const { device, mountpoint, fstype } = series.metric;
  return JSON.stringify([device, mountpoint, fstype]);
}

/** One row a device: bind mounts repeat a filesystem, its shortest path names it. */
function onePerDevice(all: Filesystem[]): Filesystem[] {
  const byDevice = new Map<string, Filesystem>();
  for (const one of all) {
    const key = JSON.stringify([one.device, one.size]);
    const known = byDevice.get(key);
    if (known === undefined || one.mountpoint.length < known.mountpoint.length) {
      byDevice.set(key, one);
    }
  }
  return [...byDevice.values()].sort((a, b) => a.mountpoint.localeCompare(b.mountpoint));
}

async function loadFilesystems(matchers: string, time: number,
                               signal: AbortSignal): Promise<Filesystem[]> {
  const selector = `{${matchers},fstype!~"${VIRTUAL}"}`;
  const [sizes, available] = await Promise.all(
    ['size', 'avail'].map(async (what) => {
      const { data } = await query(`node_filesystem_${what}_bytes${selector}`, time, signal);
      return data.resultType === 'vector' ? data.result : [];
    }),
  ) as [InstantSeries[], InstantSeries[]];
  const left = new Map(available.map((one) => [identity(one), Number(one.value?.[1])]));
  const all = sizes.map((one) => ({
    mountpoint: one.metric['mountpoint'] ?? '',
    device: one.metric['device'] ?? '',
    type: one.metric['fstype'] ?? '',
    size: Number(one.value?.[1]),
    available: left.get(identity(one)) ?? NaN,
  }));
  return onePerDevice(all.filter((one) => one.size > 0 && Number.isFinite(one.available)));
}

function Row({ filesystem }: { filesystem: Filesystem }) {
  const { mountpoint, device, type, size, available } = filesystem;
  const used = 1 - available / size;
  const level = used >= FULL ? 'is-bad' : used >= NEARLY_FULL ? 'is-warn' : '';
  return (
    <tr>
      <th scope="row" title={mountpoint}>{mountpoint}</th>
      <td class="is-quiet" title={device}>{device}</td>
      <td class="is-quiet">{type}</td>
      <td class="filesystem-use">
        <span class={`meter ${level}`}><span style={{ width: `${used * 100}%` }} /></span>
        <span class="meter-text">{formatValue(used, 'ratio')}</span>
      </td>
      <td class="is-number is-optional">{formatValue(size - available, 'bytes')}</td>
      <td class="is-number">{formatValue(available, 'bytes')}</td>
      <td class="is-number">{formatValue(size, 'bytes')}</td>
    </tr>
  );
}

export function Filesystems({ matchers, time }: { matchers: string; time: number }) {
  const { data, error, loading } = useLoad(JSON.stringify([matchers, time]), (signal) =>
    loadFilesystems(matchers, time, signal));
  return (
    <Panel title="Filesystems" busy={loading} wide>
      {error !== null && (
        <div class="panel-body"><Notice kind="error">{error.message}</Notice></div>
      )}
      {data?.length === 0 && <Empty title="No filesystems at this time" />}
      {data !== null && data.length > 0 && (
        <div class="table-scroll" tabIndex={0} role="region" aria-label="Filesystems table">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Mounted on</th>
                <th scope="col" class="is-quiet">Device</th>
                <th scope="col" class="is-quiet">Type</th>
                <th scope="col">Used</th>
                <th scope="col" class="is-number is-optional">In use</th>
                <th scope="col" class="is-number">Available</th>
                <th scope="col" class="is-number">Size</th>
              </tr>
            </thead>
            <tbody>
              {data.map((one) => <Row key={one.device + one.mountpoint} filesystem={one} />)}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
