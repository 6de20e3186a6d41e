// What the reader chose; kept in this browser only.

import { effect, signal } from '@preact/signals';
import type { Zone } from '../lib/time';

export type Theme = 'system' | 'light' | 'dark';

function stored<T extends string>(key: string, allowed: readonly T[], fallback: T): T {
  try {
    const value = localStorage.getItem(key) as T | null;
    return value !== null && allowed.includes(value) ? value : fallback;
  } catch {
    return fallback;
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A browser that refuses storage keeps the choice for this page only.
  }
}

export const theme = signal<Theme>(stored('pitwall.theme', ['system', 'light', 'dark'], 'system'));
export const zone = signal<Zone>(stored('pitwall.zone', ['local', 'utc'], 'local'));

const prefersDark = matchMedia('(prefers-color-scheme: dark)');

/** The theme in force; charts redraw when it changes because a canvas cannot follow CSS. */
export const shownTheme = signal<'light' | 'dark'>('light');

function apply(): void {
  const system = prefersDark.matches ? 'dark' : 'light';
  shownTheme.value = theme.value === 'system' ? system : theme.value;
  document.documentElement.dataset['theme'] = shownTheme.value;
}

effect(apply);
prefersDark.addEventListener('change', apply);
effect(() => store('pitwall.theme', theme.value));
effect(() => store('pitwall.zone', zone.value));

const keys = signal(stored('pitwall.single_keys', ['on', 'off'], 'on'));
effect(() => store('pitwall.single_keys', keys.value));

/** Off for those whose dictation or switch software would press them by accident. */
export const singleKeys = {
  get value(): boolean {
    return keys.value === 'on';
  },
  set value(on: boolean) {
    keys.value = on ? 'on' : 'off';
  },
};
