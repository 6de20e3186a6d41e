// PromQL by hand: several queries, all of their state in the address.

import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../components/icon';
import { queriesFromParams, queriesToParams, type QueryState } from '../lib/query_url';
import { KnownNames } from '../panels/known_names';
import { QueryPanel } from '../panels/query_panel';
import { place, pushSearch } from '../settings/location';

const MAX_QUERIES = 20;

export function Query() {
  const [known] = useState(() => new KnownNames());
  useEffect(() => () => known.close(), [known]);
  const queries = queriesFromParams(new URLSearchParams(place.value.search));

  // Identities for the panels, so that removing one keeps what was typed in the others.
  const ids = useRef<number[]>([]);
  const nextId = useRef(0);
  while (ids.current.length < queries.length) ids.current.push(nextId.current++);
  ids.current.length = queries.length;

  const show = (next: readonly QueryState[]): void => pushSearch(queriesToParams(next));
  const replace = (index: number, next: QueryState): void =>
    show(queries.map((query, i) => (i === index ? next : query)));

  function remove(index: number): void {
    ids.current.splice(index, 1);
    show(queries.filter((_, i) => i !== index));
  }

  return (
    <>
      <h1 class="visually-hidden">Query</h1>
      {queries.map((query, i) => (
        <QueryPanel key={ids.current[i]} number={i + 1} state={query} known={known}
                    onChange={(next) => replace(i, next)}
                    onRemove={queries.length > 1 ? () => remove(i) : null} />
      ))}
      {queries.length < MAX_QUERIES && (
        <button type="button" class="button"
                onClick={() => show([...queries, { ...queries[queries.length - 1]!, expr: '' }])}>
          <Icon name="plus" />Add query
        </button>
      )}
    </>
  );
}
