import assert from 'node:assert/strict';
import test from 'node:test';
import { formatTicks, formatValue } from './units';

test('bytes are IEC', () => {
  assert.equal(formatValue(0, 'bytes'), '0 B');
  assert.equal(formatValue(1023, 'bytes'), '1023 B');
  assert.equal(formatValue(1024, 'bytes'), '1 KiB');
  assert.equal(formatValue(1536 * 1024, 'bytes_per_second'), '1.5 MiB/s');
  assert.equal(formatValue(-(2 ** 30), 'bytes'), '-1 GiB');
  assert.equal(formatValue(1048575, 'bytes'), '1 MiB');
});

test('ratios are percent', () => {
  assert.equal(formatValue(0.1234, 'ratio'), '12.3 %');
  assert.equal(formatValue(0.00001, 'ratio'), '<0.01 %');
  assert.equal(formatValue(1, 'ratio'), '100 %');
});

test('numbers keep four digits, not-numbers read as in PromQL', () => {
  assert.equal(formatValue(1234567, 'number'), '1.235M');
  assert.equal(formatValue(0.00001234, 'number'), '1.23e-5');
  assert.equal(formatValue(NaN, 'number'), 'NaN');
  assert.equal(formatValue(-Infinity, 'bytes'), '-Inf');
});

test('neighbouring ticks differ', () => {
  assert.deepEqual(formatTicks([0.02, 0.025, 0.03], 'ratio'), ['2.0 %', '2.5 %', '3.0 %']);
  assert.deepEqual(formatTicks([100001, 100002], 'number'), ['100001', '100002']);
});
