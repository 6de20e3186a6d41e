import assert from 'node:assert/strict';
import test from 'node:test';
import { formatMatchers, formatSeries } from './labels';

test('series are written as selectors', () => {
  assert.equal(formatSeries({ __name__: 'up', job: 'a', instance: 'b' }),
               'up{instance="b", job="a"}');
  assert.equal(formatSeries({ __name__: 'up' }), 'up');
  assert.equal(formatSeries({}), '{}');
  assert.equal(formatSeries({ __name__: 'a.b', 'c d': 'e' }), '{"a.b", "c d"="e"}');
});

test('values are quoted so that they read back', () => {
  assert.equal(formatMatchers({ a: 'x"y\\z\n' }), 'a="x\\"y\\\\z\\n"');
});
