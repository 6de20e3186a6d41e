import assert from 'node:assert/strict';
import test from 'node:test';
import { errorPosition, underlineAt } from './promql_position';

test('the position of a parse error is found and taken out', () => {
  const error = 'invalid parameter "query": 1:7: parse error: unexpected identifier "foo"';
  assert.deepEqual(errorPosition('up and foo', error),
                   { offset: 6, message: 'unexpected identifier "foo"' });
  assert.equal(errorPosition('up', 'query timed out'), null);
  assert.equal(errorPosition('up', '7:1: parse error: x'), null);
});

test('columns count bytes, offsets count UTF-16 units, lines add up', () => {
  assert.equal(errorPosition('{a="é😀"} x', '1:14: parse error: x')?.offset, 10);
  assert.equal(errorPosition('sum(\nup up)', '2:4: parse error: x')?.offset, 8);
});

test('the word at the offset is underlined', () => {
  assert.deepEqual(underlineAt('up and foo', 7), { from: 7, to: 10 });
  assert.deepEqual(underlineAt('sum(up', 6), { from: 5, to: 6 });
  assert.deepEqual(underlineAt('', 0), { from: 0, to: 0 });
});
