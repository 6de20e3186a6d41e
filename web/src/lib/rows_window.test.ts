import assert from 'node:assert/strict';
import test from 'node:test';
import { RowHeights } from './rows_window';

test('only rows that touch the window are in it', () => {
  const rows = new RowHeights([10, 20, 10, 10]);
  assert.equal(rows.total, 50);
  assert.deepEqual(rows.between(0, 5), { first: 0, end: 1 });
  assert.deepEqual(rows.between(12, 31), { first: 1, end: 3 });
  assert.deepEqual(rows.between(45, 500), { first: 3, end: 4 });
  assert.deepEqual(new RowHeights([]).between(0, 100), { first: 0, end: 0 });
});

test('a measured height moves what follows', () => {
  const rows = new RowHeights([10, 10, 10]);
  assert.ok(rows.measure(0, 30));
  assert.ok(!rows.measure(0, 30));
  assert.equal(rows.top(2), 40);
  assert.equal(rows.total, 50);
});
