import assert from 'node:assert/strict';
import test from 'node:test';
import { contextAt, type Context } from './context';

/** The cursor is at the bar. */
function at(marked: string): Context {
  const place = marked.indexOf('|');
  return contextAt(marked.replace('|', ''), place);
}

const kindAt = (marked: string): string => at(marked).kind;

test('names and functions where an operand can stand', () => {
  for (const marked of ['|', 'ra|', 'sum(|', 'sum(ra|', 'a + |', 'a > bool b and c|', 'topk(3, |',
                        'sum by (job) (|', 'a / on(job) group_left() b|']) {
    assert.equal(kindAt(marked), 'operand', marked);
  }
  assert.deepEqual(at('sum(ra|'), { kind: 'operand', from: 4 });
});

test('operators and modifiers after an operand', () => {
  for (const marked of ['up |', 'up o|', 'sum(up) b|', 'rate(a[5m]) |', '1 |', 'up{a="b"} of|',
                        'sum(a) by (job) |']) {
    assert.equal(kindAt(marked), 'operator', marked);
  }
});

test('label names of the metric in braces', () => {
  assert.deepEqual(at('up{|'), { kind: 'label_name', from: 3, metric: 'up' });
  assert.deepEqual(at('up{job="a",in|'), { kind: 'label_name', from: 11, metric: 'up' });
  assert.deepEqual(at('{|'), { kind: 'label_name', from: 1, metric: null });
  assert.equal(kindAt('up{job |'), 'match_operator');
});

test('label values in and before the quote', () => {
  assert.deepEqual(at('up{job="no|'),
                   { kind: 'label_value', from: 8, label: 'job', quoted: true, metric: 'up' });
  assert.deepEqual(at('up{job=~|'),
                   { kind: 'label_value', from: 8, label: 'job', quoted: false, metric: 'up' });
  assert.equal(kindAt('up{job="no"|'), 'nothing');
  assert.equal(kindAt('label_replace(up, "a|'), 'nothing');
});

test('grouping labels are those of the nearest metric', () => {
  assert.deepEqual(at('sum(rate(foo{x="bar"}[5m])) by (jo|'),
                   { kind: 'grouping_label', from: 32, metric: 'foo' });
  assert.deepEqual(at('sum by (|) (rate(foo[5m]))'),
                   { kind: 'grouping_label', from: 8, metric: 'foo' });
});

test('durations in brackets and after offset', () => {
  assert.deepEqual(at('rate(foo[|'), { kind: 'duration', from: 9 });
  assert.deepEqual(at('rate(foo[5|'), { kind: 'duration', from: 9 });
  assert.deepEqual(at('foo offset |'), { kind: 'duration', from: 11 });
});

test('nothing in comments and numbers', () => {
  assert.equal(kindAt('up # sum(|'), 'nothing');
  assert.equal(kindAt('12|'), 'nothing');
});
