// Step and rate window of range queries.

import type { TimeSpan } from './time';

/** The longest answer Prometheus gives: 11,000 points a series. */
const MAX_POINTS = 11000;
export const DEFAULT_SCRAPE_SECONDS = 15;

const ROUND_STEPS = [
  1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200,
  86400, 604800,
];

function roundUp(seconds: number): number {
  for (const step of ROUND_STEPS) {
    if (step >= seconds) return step;
  }
  return Math.ceil(seconds / 604800) * 604800;
}

/** A round step that gives about `points` points and is no finer than what was scraped. */
export function stepFor(rangeSeconds: number, points: number, scrapeSeconds: number): number {
  const wanted = rangeSeconds / Math.max(1, points);
  const floor = Math.max(scrapeSeconds, rangeSeconds / MAX_POINTS);
  return wanted <= floor ? Math.max(1, Math.ceil(floor)) : roundUp(wanted);
}

/** Window of rate() that always holds enough samples, a missed scrape or two included. */
export function rateWindow(stepSeconds: number, scrapeSeconds: number): number {
  return Math.max(stepSeconds + scrapeSeconds, 4 * scrapeSeconds);
}

/** Bounds on whole steps, so that a refresh asks for the same instants again. */
export function alignSpan(start: number, end: number, step: number): TimeSpan {
  return { start: Math.floor(start / step) * step, end: Math.floor(end / step) * step };
}
