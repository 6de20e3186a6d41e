// What completion knows of the server, asked once a minute at most.

import { labelNames, labelValues, metadata, type Metadata } from '../api/prometheus';
import type { Known } from '../lang/completion';
import { formatSeries } from '../lib/labels';

const FRESH_MS = 60_000;

export class KnownNames implements Known {
  private readonly abort = new AbortController();
  private readonly answers = new Map<string, { at: number; names: Promise<string[]> }>();
  private described: Record<string, Metadata[]> = {};

  /** Lists are a convenience: one that cannot be had is empty. */
  private ask(key: string, load: (signal: AbortSignal) => Promise<string[]>): Promise<string[]> {
    const known = this.answers.get(key);
    if (known !== undefined && Date.now() - known.at < FRESH_MS) return known.names;
    const names = load(this.abort.signal).catch(() => {
      this.answers.delete(key);
      return [];
    });
    this.answers.set(key, { at: Date.now(), names });
    return names;
  }

  async metricNames(): Promise<readonly string[]> {
    const [names] = await Promise.all([
      this.ask('metrics', (signal) => labelValues('__name__', null, signal)),
      this.ask('metadata', async (signal) => {
        this.described = await metadata(signal);
        return [];
      }),
    ]);
    return names;
  }

  describe(metric: string): { type: string; help: string } | null {
    const base = metric.replace(/_(bucket|sum|count|total)$/, '');
    const entry = (this.described[metric] ?? this.described[base])?.[0];
    return entry === undefined ? null : { type: entry.type, help: entry.help };
  }

  labelNames(metric: string | null): Promise<readonly string[]> {
    const match = metric === null ? null : formatSeries({ __name__: metric });
    return this.ask(`labels ${match}`, (signal) => labelNames(match, signal));
  }

  labelValues(label: string, metric: string | null): Promise<readonly string[]> {
    const match = metric === null ? null : formatSeries({ __name__: metric });
    return this.ask(`values ${label} ${match}`, (signal) => labelValues(label, match, signal));
  }

  close(): void {
    this.abort.abort();
  }
}
