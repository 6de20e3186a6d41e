import assert from 'node:assert/strict';
import test from 'node:test';
import { groupByPool, matchesSearch, type Health, type TargetLike } from './targets';

const target = (scrapePool: string, scrapeUrl: string, health: Health): TargetLike =>
  ({ scrapePool, scrapeUrl, health, labels: { desk: 'equities' }, lastError: 'timed out' });

test('every word of a search must be found', () => {
  const one = target('node', 'http://a:9100/metrics', 'up');
  assert.ok(matchesSearch(one, ''));
  assert.ok(matchesSearch(one, 'A:91 desk=equi'));
  assert.ok(matchesSearch(one, 'timed'));
  assert.ok(!matchesSearch(one, 'a:91 nowhere'));
});

test('pools are by name, down before up', () => {
  const pools = groupByPool([
    target('b', '1', 'up'), target('a', '3', 'up'), target('a', '2', 'down'),
  ]);
  assert.deepEqual(pools.map((pool) => pool.name), ['a', 'b']);
  assert.deepEqual(pools[0]!.targets.map((one) => one.scrapeUrl), ['2', '3']);
  assert.deepEqual(pools[0]!.counts, { up: 1, down: 1, unknown: 0 });
});
