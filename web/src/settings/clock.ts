// The moment the live parts of a page show, and how often it moves on.

import { useEffect, useState } from 'preact/hooks';

export const REFRESH_CHOICES: readonly number[] = [0, 5, 15, 60];

const now = (): number => Date.now() / 1000;

export interface Clock {
  now: number;
  tick: () => void;
}

/**
 * Moves every `seconds` (0: never) while the page is visible, and when it becomes visible. It
 * stands still while busy, or a server slower than the refresh would never get to answer.
 */
export function useClock(seconds: number, busy: () => boolean): Clock {
  const [time, setTime] = useState(now);
  useEffect(() => {
    if (seconds === 0) return undefined;
    const move = (): void => {
      if (!document.hidden && !busy()) setTime(now());
    };
    const timer = setInterval(move, seconds * 1000);
    document.addEventListener('visibilitychange', move);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', move);
    };
  }, [seconds]);
  return { now: time, tick: () => setTime(now()) };
}
