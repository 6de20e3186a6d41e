// The parts of Prometheus's HTTP API that the pages use.

import type { Labels } from '../lib/labels';
import { get, post, type Answer } from './client';

export type Sample = [number, string];

export interface Histogram {
  count: string;
  sum: string;
  /** [boundary rule, left, right, count] */
  buckets?: [number, string, string, string][];
}

export interface InstantSeries {
  metric: Labels;
  value?: Sample;
  histogram?: [number, Histogram];
}

export interface RangeSeries {
  metric: Labels;
  values?: Sample[];
  histograms?: [number, Histogram][];
}

export type QueryData =
  | { resultType: 'vector'; result: InstantSeries[] }
  | { resultType: 'matrix'; result: RangeSeries[] }
  | { resultType: 'scalar'; result: Sample }
  | { resultType: 'string'; result: Sample };

export interface Target {
  discoveredLabels: Labels;
  labels: Labels;
  scrapePool: string;
  scrapeUrl: string;
  globalUrl?: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: 'up' | 'down' | 'unknown';
  scrapeInterval?: string;
  scrapeTimeout?: string;
}

export interface Metadata {
  type: string;
  help: string;
  unit: string;
}

export function query(expr: string, time: number | null,
                      signal: AbortSignal): Promise<Answer<QueryData>> {
  const at: [string, string][] = time === null ? [] : [['time', String(time)]];
  return post<QueryData>('query', [['query', expr], ...at], signal);
}

export function queryRange(expr: string, start: number, end: number, step: number,
                           signal: AbortSignal): Promise<Answer<QueryData>> {
  return post<QueryData>('query_range', [
    ['query', expr], ['start', String(start)], ['end', String(end)], ['step', String(step)],
  ], signal);
}

export async function activeTargets(signal: AbortSignal): Promise<Target[]> {
  const answer = await get<{ activeTargets: Target[] }>('targets', [['state', 'active']], signal);
  return answer.data.activeTargets;
}

/** Enough to complete from; more would make the list, not the reader, the judge. */
const NAMES_LIMIT = '20000';

export async function labelNames(match: string | null, signal: AbortSignal): Promise<string[]> {
  const matchers: [string, string][] = match === null ? [] : [['match[]', match]];
  const answer = await get<string[]>('labels', [...matchers, ['limit', NAMES_LIMIT]], signal);
  return answer.data;
}

export async function labelValues(name: string, match: string | null,
                                  signal: AbortSignal): Promise<string[]> {
  const matchers: [string, string][] = match === null ? [] : [['match[]', match]];
  const path = `label/${encodeURIComponent(name)}/values`;
  const answer = await get<string[]>(path, [...matchers, ['limit', NAMES_LIMIT]], signal);
  return answer.data;
}

export async function metadata(signal: AbortSignal): Promise<Record<string, Metadata[]>> {
  return (await get<Record<string, Metadata[]>>('metadata', [], signal)).data;
}

export interface Notification {
  text: string;
  date: string;
  active: boolean;
}

export async function notifications(signal: AbortSignal): Promise<Notification[]> {
  return (await get<Notification[]>('notifications', [], signal)).data;
}

export interface Count {
  name: string;
  value: number;
}

export interface StoreStatus {
  headStats: { numSeries: number; numLabelPairs: number; minTime: number; maxTime: number };
  seriesCountByMetricName: Count[];
  labelValueCountByLabelName: Count[];
  memoryInBytesByLabelName: Count[];
  seriesCountByLabelValuePair: Count[];
}

export async function storeStatus(limit: number, signal: AbortSignal): Promise<StoreStatus> {
  return (await get<StoreStatus>('status/tsdb', [['limit', String(limit)]], signal)).data;
}

export interface BuildInfo {
  version: string;
  revision: string;
}

export async function buildInfo(signal: AbortSignal): Promise<BuildInfo> {
  return (await get<BuildInfo>('status/buildinfo', [], signal)).data;
}
