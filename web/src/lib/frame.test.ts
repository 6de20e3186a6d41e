import assert from 'node:assert/strict';
import test from 'node:test';
import {
  alignPoints, drawnValues, gridTimes, highestPeaks, lastValue, stackedOn, type FrameSeries,
} from './frame';

const series = (values: (number | null)[], more: Partial<FrameSeries> = {}): FrameSeries =>
  ({ key: '', label: '', colour: '', values, ...more });

test('points land on the grid, what is missing or no number is a gap', () => {
  const points = [[100, '1'], [115.0004, '2'], [145, 'NaN'], [160, '+Inf'], [500, '9']] as
    [number, string][];
  assert.deepEqual(alignPoints(points, 100, 15, 5), [1, 2, null, null, null]);
  assert.deepEqual(gridTimes(0, 30, 15), [0, 15, 30]);
});

test('stacks add up, above and below the axis, references stay out', () => {
  const all = [series([1, 2]), series([9, 9], { reference: true }), series([3, null]),
               series([4, 5], { mirrored: true }), series([1, 1], { mirrored: true })];
  assert.deepEqual(drawnValues(all, true), [[1, 2], [9, 9], [4, null], [-4, -5], [-5, -6]]);
  assert.deepEqual(stackedOn(all), [null, null, 0, null, 3]);
  assert.deepEqual(drawnValues(all, false)[3], [-4, -5]);
});

test('the highest peaks are kept in their own order', () => {
  const all = [series([1]), series([5]), series([-7]), series([2])];
  assert.deepEqual(highestPeaks(all, 2), [all[1], all[2]]);
  assert.equal(lastValue([1, 2, null]), 2);
  assert.equal(lastValue([null]), null);
});
