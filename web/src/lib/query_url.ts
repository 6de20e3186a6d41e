// The query page's state in its address, with the parameter names of Prometheus's own page, so
// that links made for either open in both.

import { formatDateTime, formatDuration, parseDateTime, parseDuration } from './time';

export type ResultTab = 'table' | 'graph';

export interface QueryState {
  expr: string;
  tab: ResultTab;
  rangeSeconds: number;
  /** End of the graph and moment of the table; null is now. */
  end: number | null;
  /** Null lets the page choose. */
  stepSeconds: number | null;
  stacked: boolean;
}

export const DEFAULT_RANGE_SECONDS = 3600;
/** More panels than anyone reads: bounds what an address can make the page do. */
const MAX_QUERIES = 20;

export function emptyQuery(): QueryState {
  return {
    expr: '', tab: 'table', rangeSeconds: DEFAULT_RANGE_SECONDS, end: null, stepSeconds: null,
    stacked: false,
  };
}

export function queriesToParams(queries: readonly QueryState[]): URLSearchParams {
  const params = new URLSearchParams();
  queries.forEach((query, i) => {
    const set = (name: string, value: string): void => params.set(`g${i}.${name}`, value);
    set('expr', query.expr);
    set('tab', query.tab);
    set('range_input', formatDuration(query.rangeSeconds));
    if (query.end !== null) {
      const text = formatDateTime(query.end, 'utc');
      set('end_input', text);
      set('moment_input', text);
    }
    if (query.stepSeconds !== null) set('step_input', String(query.stepSeconds));
    if (query.stacked) set('stacked', '1');
  });
  return params;
}

export function queriesFromParams(params: URLSearchParams): QueryState[] {
  const queries: QueryState[] = [];
  for (let i = 0; i < MAX_QUERIES; i++) {
    const get = (name: string): string | null => params.get(`g${i}.${name}`);
    const expr = get('expr');
    if (expr === null) break;
    const tab = get('tab');
    const end = parseDateTime(get('end_input') ?? get('moment_input') ?? '', 'utc');
    const step = parseDuration(get('step_input') ?? '');
    const range = parseDuration(get('range_input') ?? '');
    queries.push({
      expr,
      tab: tab === 'graph' || tab === '0' ? 'graph' : 'table',
      rangeSeconds: range !== null && range > 0 ? range : DEFAULT_RANGE_SECONDS,
      end,
      stepSeconds: step !== null && step > 0 ? step : null,
      stacked: get('stacked') === '1',
    });
  }
  return queries.length > 0 ? queries : [emptyQuery()];
}
