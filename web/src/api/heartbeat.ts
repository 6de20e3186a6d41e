// Asks the server now and then who it is and what an operator should know, so that a page that asks
// nothing still knows it is there.

import { signal } from '@preact/signals';
import { buildInfo, notifications } from './prometheus';

const BEAT_MS = 15_000;

export const serverVersion = signal('');
/** What the server wants its operator to know now. */
export const serverNotices = signal<string[]>([]);

async function beat(): Promise<void> {
  if (document.hidden) return;
  try {
    const timeout = AbortSignal.timeout(BEAT_MS);
    serverVersion.value = (await buildInfo(timeout)).version;
    const notices = await notifications(timeout);
    serverNotices.value = notices.filter((one) => one.active).map((one) => one.text);
  } catch {
    // The client has already noted that the server is away, and looks for its return.
  }
}

export function startHeartbeat(): void {
  void beat();
  setInterval(() => void beat(), BEAT_MS);
}
