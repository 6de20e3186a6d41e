// The program under test and the node exporter beside it: start, wait until ready, stop.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 20_000;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function freePort() {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Tries until `check` gives something true; what it throws counts as not yet. */
export async function until(what, check, ms = START_MS) {
  const end = Date.now() + ms;
  let last = null;
  while (Date.now() < end) {
    try {
      const found = await check();
      if (found) return found;
      last = null;
    } catch (error) {
      last = error;
    }
    await pause(100);
  }
  throw new Error(`${what}: not within ${ms / 1000} s${last === null ? '' : ` (${last.message})`}`);
}

function start(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk) => {
    output = (output + chunk).slice(-4000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise((resolve) => {
    child.on('exit', resolve);
    child.on('error', (error) => {
      keep(error.message);
      resolve(null);
    });
  });
  return { child, ended, output: () => output };
}

export async function startNodeExporter() {
  const port = await freePort();
  const running = start('prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${port}`]);
  await until('node exporter', async () =>
    (await fetch(`http://127.0.0.1:${port}/metrics`)).ok);
  return { address: `127.0.0.1:${port}`, stop: () => running.child.kill() };
}

export class Program {
  constructor(path, port, config, { prefix = '', flags = [] } = {}) {
    this.path = path;
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), 'pitwall-browser-'));
    this.config = config;
    this.prefix = prefix;
    this.flags = flags;
    this.running = null;
  }

  get url() {
    return `http://127.0.0.1:${this.port}${this.prefix}`;
  }

  async start() {
    const args = ['serve', '--listen', `127.0.0.1:${this.port}`,
                  '--data-dir', join(this.folder, 'data'), ...this.flags];
    if (this.config !== null) {
      const file = join(this.folder, 'prometheus.yml');
      writeFileSync(file, this.config);
      args.push('--config', file);
    }
    this.running = start(this.path, args);
    try {
      await until('the server', async () =>
        (await fetch(`${this.url}/api/v1/status/buildinfo`)).ok);
    } catch (error) {
      throw new Error(`${error.message}\n${this.running.output()}`);
    }
  }

  /** Series of an instant query. */
  async query(expr) {
    const response = await fetch(`${this.url}/api/v1/query?query=${encodeURIComponent(expr)}`);
    return (await response.json()).data.result;
  }

  async kill() {
    this.running.child.kill('SIGKILL');
    await this.running.ended;
  }

  async stop() {
    this.running.child.kill('SIGTERM');
    await Promise.race([this.running.ended, pause(5000)]);
    this.running.child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
