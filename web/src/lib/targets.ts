// Finding and grouping scrape targets.

import { labelEntries, type Labels } from './labels';

export type Health = 'up' | 'down' | 'unknown';

export interface TargetLike {
  scrapePool: string;
  scrapeUrl: string;
  labels: Labels;
  lastError: string;
  health: Health;
}

export interface Pool<T> {
  name: string;
  targets: T[];
  counts: Record<Health, number>;
}

/** Every word must occur in the URL, the pool, a label pair or the error. */
export function matchesSearch(target: TargetLike, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return true;
  const pairs = labelEntries(target.labels).map(([name, value]) => `${name}=${value}`);
  const text = [target.scrapeUrl, target.scrapePool, target.lastError, ...pairs]
    .join('\n').toLowerCase();
  return words.every((word) => text.includes(word));
}

export function countHealth(targets: readonly TargetLike[]): Record<Health, number> {
  const counts = { up: 0, down: 0, unknown: 0 };
  for (const target of targets) counts[target.health]++;
  return counts;
}

const RANK: Record<Health, number> = { down: 0, unknown: 1, up: 2 };

/** Pools by name, in each what needs attention first. */
export function groupByPool<T extends TargetLike>(targets: readonly T[]): Pool<T>[] {
  const pools = new Map<string, T[]>();
  for (const target of targets) {
    const pool = pools.get(target.scrapePool);
    if (pool === undefined) pools.set(target.scrapePool, [target]);
    else pool.push(target);
  }
  return [...pools.entries()]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, members]) => ({
      name,
      targets: members.sort((a, b) =>
        RANK[a.health] - RANK[b.health] || a.scrapeUrl.localeCompare(b.scrapeUrl)),
      counts: countHealth(members),
    }));
}
