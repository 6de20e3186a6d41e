import assert from 'node:assert/strict';
import test from 'node:test';
import {
  formatDateTime, formatDuration, formatLength, formatTick, parseDateTime, parseDuration,
  rangeFromParams, rangeToParams, resolveRange,
} from './time';

test('durations read as Prometheus reads them', () => {
  assert.equal(parseDuration('1h30m'), 5400);
  assert.equal(parseDuration('90'), 90);
  assert.equal(parseDuration('1w2d'), 777600);
  assert.equal(parseDuration('500ms'), 0.5);
  for (const wrong of ['', 'h', '1h 30m', '30m1h', '-5m', '5x']) {
    assert.equal(parseDuration(wrong), null, wrong);
  }
});

test('durations survive being written and read', () => {
  for (const seconds of [0.25, 1, 59, 60, 3661, 86400, 777601]) {
    assert.equal(parseDuration(formatDuration(seconds)), seconds);
  }
});

test('lengths have two units at most', () => {
  assert.equal(formatLength(0), '0s');
  assert.equal(formatLength(0.00042), '420µs');
  assert.equal(formatLength(0.0128), '12.8ms');
  assert.equal(formatLength(4.23), '4.2s');
  assert.equal(formatLength(59.7), '1m');
  assert.equal(formatLength(3725), '1h 2m');
  assert.equal(formatLength(90000), '1d 1h');
});

test('date times read back in UTC and in local time', () => {
  const moment = 1795185127.25;
  assert.equal(formatDateTime(moment, 'utc'), '2026-11-20 14:32:07.250');
  assert.equal(parseDateTime(formatDateTime(moment, 'utc'), 'utc'), moment);
  assert.equal(parseDateTime(formatDateTime(moment, 'local'), 'local'), moment);
  assert.equal(parseDateTime('2026-11-20T14:32', 'utc'), 1795185120);
  assert.equal(parseDateTime('2026-13-20 14:32', 'utc'), null);
  assert.equal(parseDateTime('yesterday', 'utc'), null);
});

test('ticks say the date at midnight', () => {
  assert.equal(formatTick(1795132800, 3600, 'utc'), '11-20');
  assert.equal(formatTick(1795185120, 600, 'utc'), '14:32');
  assert.equal(formatTick(1795185127, 5, 'utc'), '14:32:07');
});

test('ranges survive the address', () => {
  const fallback = { kind: 'relative', seconds: 60 } as const;
  for (const range of [{ kind: 'relative', seconds: 900 },
                       { kind: 'absolute', start: 100, end: 200 }] as const) {
    const params = new URLSearchParams(rangeToParams(range));
    assert.deepEqual(rangeFromParams(params, fallback), range);
  }
  assert.deepEqual(rangeFromParams(new URLSearchParams('from=9&to=3&range=x'), fallback), fallback);
  assert.deepEqual(resolveRange({ kind: 'relative', seconds: 60 }, 1000),
                   { start: 940, end: 1000 });
});
