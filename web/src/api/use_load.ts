// Loading for a component: aborts what was superseded, keeps the last answer while the next loads.

import { useEffect, useState } from 'preact/hooks';
import { recoveries, UnreachableError } from './client';

export interface Loaded<T> {
  data: T | null;
  error: Error | null;
  loading: boolean;
}

/** Loads when `key` changes (null: nothing to load) and again after the server was away. */
export function useLoad<T>(key: string | null,
                           load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<Loaded<T>>({ data: null, error: null, loading: key !== null });
  const recovered = recoveries.value;
  useEffect(() => {
    if (key === null) {
      setState({ data: null, error: null, loading: false });
      return undefined;
    }
    const abort = new AbortController();
    setState((last) => ({ ...last, loading: true }));
    load(abort.signal).then(
      (data) => {
        if (!abort.signal.aborted) setState({ data, error: null, loading: false });
      },
      (error: Error) => {
        if (abort.signal.aborted) return;
        const keep = error instanceof UnreachableError;
        setState((last) => ({
          data: keep ? last.data : null, error: keep ? null : error, loading: keep,
        }));
      },
    );
    return () => abort.abort();
  }, [key, recovered]);
  return state;
}
