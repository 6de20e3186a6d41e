// The address of the page as a signal; links inside the app move it without a reload. Pages stand
// side by side in one folder, wherever the server or a proxy puts that: every address is relative.

import { signal } from '@preact/signals';

export interface Place {
  path: string; // '/' and the page's name
  search: string;
}

const folderOf = (pathname: string): string => pathname.slice(0, pathname.lastIndexOf('/') + 1);

/** The path of a page by its address, or null when it is not one of ours. */
export function pageAt(pathname: string): string | null {
  const folder = folderOf(window.location.pathname);
  return folderOf(pathname) === folder ? `/${pathname.slice(folder.length)}` : null;
}

const read = (): Place => ({
  path: pageAt(window.location.pathname) ?? '/', search: window.location.search,
});

export const place = signal<Place>(read());

addEventListener('popstate', () => {
  place.value = read();
});

export function navigate(path: string, search = ''): void {
  const same = path === place.value.path && search === place.value.search;
  if (!same) history.pushState(null, '', `.${path}${search}`);
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
