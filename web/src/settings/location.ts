// The address of the page as a signal; links inside the app move it without a reload.

import { signal } from '@preact/signals';

export interface Place {
  path: string;
  search: string;
}

const read = (): Place => ({
  path: window.location.pathname, search: window.location.search,
});

export const place = signal<Place>(read());

addEventListener('popstate', () => {
  place.value = read();
});

export function navigate(path: string, search = ''): void {
  const same = path === place.value.path && search === place.value.search;
  if (!same) history.pushState(null, '', path + search);
  place.value = { path, search };
}

/** Writes the page's state into the address without a step in the history. */
export function rewriteSearch(search: string): void {
  history.replaceState(null, '', window.location.pathname + search);
  place.value = read();
}

export function pushSearch(params: URLSearchParams): void {
  const text = params.toString();
  navigate(place.value.path, text === '' ? '' : `?${text}`);
}
