// One way to the server: envelope, errors, and whether it can be reached at all.

import { signal } from '@preact/signals';

export class ApiError extends Error {
  constructor(readonly type: string, message: string, readonly status: number) {
    super(message);
  }
}

/** The server did not answer; the page shows this once, not in every panel. */
export class UnreachableError extends Error {}

export interface Answer<T> {
  data: T;
  warnings: string[];
  infos: string[];
}

export type Connection = 'connecting' | 'connected' | 'lost';

export const connection = signal<Connection>('connecting');
/** Counts recoveries; whoever shows data loads it again when this changes. */
export const recoveries = signal(0);

// Relative to the pages: the server may stand under a prefix.
const API = 'api/v1';
const PROBE_PATH = `${API}/status/buildinfo`;
const PROBE_FIRST_MS = 1000;
const PROBE_MAX_MS = 5000;

let probing = false;
let inFlight = 0;

/** True while an answer is awaited. */
export const isLoading = (): boolean => inFlight > 0;

function reached(): void {
  if (connection.value === 'lost') recoveries.value++;
  connection.value = 'connected';
}

async function probe(): Promise<void> {
  if (probing) return;
  probing = true;
  for (let wait = PROBE_FIRST_MS; ; wait = Math.min(PROBE_MAX_MS, wait * 2)) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      const response = await fetch(PROBE_PATH, { cache: 'no-store' });
      if (response.ok) break;
    } catch {
      continue;
    }
  }
  probing = false;
  reached();
}

function unreachable(): UnreachableError {
  connection.value = 'lost';
  void probe();
  return new UnreachableError('The server cannot be reached.');
}

interface Envelope<T> {
  status: 'success' | 'error';
  data: T;
  errorType?: string;
  error?: string;
  warnings?: string[];
  infos?: string[];
}

async function readEnvelope<T>(response: Response): Promise<Envelope<T>> {
  const gateway = response.status === 502 || response.status === 504;
  if (gateway) throw unreachable();
  const json = response.headers.get('Content-Type')?.includes('json') ?? false;
  if (!json) {
    throw new ApiError('http', `The server answered ${response.status} ${response.statusText}`,
                       response.status);
  }
  return (await response.json()) as Envelope<T>;
}

async function send<T>(path: string, init: RequestInit): Promise<Answer<T>> {
  let envelope: Envelope<T>;
  let status = 0;
  inFlight++;
  try {
    const response = await fetch(path, init);
    status = response.status;
    envelope = await readEnvelope<T>(response);
  } catch (error) {
    const aborted = init.signal?.aborted ?? false;
    if (aborted || error instanceof ApiError || error instanceof UnreachableError) throw error;
    if (error instanceof SyntaxError) {
      throw new ApiError('http', 'The answer of the server is not valid JSON', status);
    }
    throw unreachable();
  } finally {
    inFlight--;
  }
  reached();
  if (envelope.status !== 'success') {
    throw new ApiError(envelope.errorType ?? 'unknown', envelope.error ?? 'unknown error', status);
  }
  return {
    data: envelope.data, warnings: envelope.warnings ?? [], infos: envelope.infos ?? [],
  };
}

export type Params = readonly (readonly [string, string])[];

const asParams = (params: Params): URLSearchParams =>
  new URLSearchParams(params.map(([name, value]) => [name, value]));

export function get<T>(path: string, params: Params, signal: AbortSignal): Promise<Answer<T>> {
  const query = asParams(params).toString();
  return send<T>(`${API}/${path}${query === '' ? '' : `?${query}`}`, { signal });
}

/** Expressions go in a body: they may be longer than an address may be. */
export function post<T>(path: string, params: Params, signal: AbortSignal): Promise<Answer<T>> {
  return send<T>(`${API}/${path}`, { method: 'POST', body: asParams(params), signal });
}
