import assert from 'node:assert/strict';
import test from 'node:test';
import { formatMatchers, formatSeries, withoutShared } from './labels';

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

test('labels that all share are left out, names stay', () => {
  assert.deepEqual(
    withoutShared([{ __name__: 'a', job: 'x', cpu: '0' }, { __name__: 'a', job: 'x', cpu: '1' }]),
    [{ __name__: 'a', cpu: '0' }, { __name__: 'a', cpu: '1' }]);
  assert.deepEqual(withoutShared([{ job: 'x' }, {}]), [{ job: 'x' }, {}]);
  assert.deepEqual(withoutShared([{ job: 'x' }]), [{ job: 'x' }]);
});
