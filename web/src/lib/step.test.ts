import assert from 'node:assert/strict';
import test from 'node:test';
import { alignSpan, rateWindow, stepFor } from './step';

test('a step is round and never finer than the scrape', () => {
  assert.equal(stepFor(300, 300, 15), 15);
  assert.equal(stepFor(3600, 300, 5), 15);
  assert.equal(stepFor(604800, 300, 15), 3600);
});

test('a series never has more than 11,000 points', () => {
  for (const days of [1, 30, 365, 3650]) {
    const range = days * 86400;
    assert.ok(range / stepFor(range, 1e9, 1) <= 11000);
  }
});

test('a rate window holds four scrapes at least', () => {
  assert.equal(rateWindow(15, 15), 60);
  assert.equal(rateWindow(300, 15), 315);
});

test('spans align to the step', () => {
  assert.deepEqual(alignSpan(101, 199, 10), { start: 100, end: 190 });
});
