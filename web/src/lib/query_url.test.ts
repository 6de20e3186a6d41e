import assert from 'node:assert/strict';
import test from 'node:test';
import { emptyQuery, queriesFromParams, queriesToParams, type QueryState } from './query_url';

test('queries survive the address', () => {
  const queries: QueryState[] = [
    { ...emptyQuery(), expr: 'rate(a{b="&=#"}[5m])', tab: 'graph', rangeSeconds: 5400,
      end: 1795185127, stepSeconds: 30, stacked: true },
    { ...emptyQuery(), expr: 'up' },
  ];
  const text = queriesToParams(queries).toString();
  assert.deepEqual(queriesFromParams(new URLSearchParams(text)), queries);
});

test('links made for Prometheus open', () => {
  const [query] = queriesFromParams(new URLSearchParams(
    'g0.expr=up&g0.tab=0&g0.range_input=2h&g0.end_input=2026-11-20%2014:32:07&g0.step_input=60'));
  assert.deepEqual(query, { expr: 'up', tab: 'graph', rangeSeconds: 7200, end: 1795185127,
                            stepSeconds: 60, stacked: false });
  assert.deepEqual(queriesFromParams(new URLSearchParams('')), [emptyQuery()]);
});
