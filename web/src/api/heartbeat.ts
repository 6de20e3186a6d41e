// Asks the server now and then who it is, so that a page that asks nothing still knows it is there.

import { signal } from '@preact/signals';
import { buildInfo } from './prometheus';

const BEAT_MS = 15_000;

export const serverVersion = signal('');

async function beat(): Promise<void> {
  if (document.hidden) return;
  try {
    serverVersion.value = (await buildInfo(AbortSignal.timeout(BEAT_MS))).version;
  } catch {
    // The client has already noted that the server is away, and looks for its return.
  }
}

export function startHeartbeat(): void {
  void beat();
  setInterval(() => void beat(), BEAT_MS);
}
