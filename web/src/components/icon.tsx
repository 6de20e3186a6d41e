// Line icons on a 16 pixel grid; always beside a text or under an accessible name.

const PATHS = {
  chevron: 'M5.5 3.5 10 8l-4.5 4.5',
  down: 'M3.5 6 8 10.5 12.5 6',
  clock: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Zm0 3v3.2l2.2 1.6',
  refresh: 'M13 8a5 5 0 1 1-1.6-3.7M13 2.5V5h-2.6',
  sun: 'M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6ZM8 1.2v1.4M8 13.4v1.4M1.2 8h1.4M13.4 8h1.4'
    + 'M3.2 3.2l1 1M11.8 11.8l1 1M12.8 3.2l-1 1M4.2 11.8l-1 1',
  moon: 'M13.2 9.7A5.6 5.6 0 0 1 6.3 2.8a5.6 5.6 0 1 0 6.9 6.9Z',
  display: 'M2 3h12v8H2zM5.5 13.5h5',
  keyboard: 'M1.5 4h13v8h-13zM4 6.5h.01M6.5 6.5h.01M9 6.5h.01M11.5 6.5h.01M4.5 9.5h7',
  table: 'M2 3h12v10H2zM2 6.3h12M2 9.6h12M6 3v10',
  chart: 'M2 2.5v11h12M4.5 10l2.7-3.2 2.3 2L13 4.5',
  close: 'm4 4 8 8M12 4l-8 8',
  plus: 'M8 3v10M3 8h10',
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9ZM10.4 10.4 14 14',
  left: 'M10 3.5 5.5 8l4.5 4.5',
  zoomOut: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9ZM10.4 10.4 14 14M5 7h4',
  alert: 'M8 2.2 14.5 13.5h-13zM8 6.5v3.2M8 11.6h.01',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  stack: 'M2 5.2 8 2.5l6 2.7-6 2.7zM2 8.2l6 2.7 6-2.7M2 11l6 2.7 6-2.7',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" fill="none"
         stroke="currentColor" stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round"
         aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** A pit board on its pole whose lap bars rise: the mark of the product. */
export function Logo({ size = 22 }: { size?: number }) {
  return (
    <svg class="logo" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <rect class="logo-board" x="2" y="2" width="20" height="16" rx="4" />
      <path class="logo-bars" d="M7 14v-3M12 14V8.5M17 14V6" />
      <path class="logo-pole" d="M12 18v4.5" />
    </svg>
  );
}
