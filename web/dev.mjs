// Serves dist/ as the server will (policy included), with the API of a running Prometheus:
// node dev.mjs http://127.0.0.1:9090 [port]

import { createReadStream, existsSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = join(dirname(fileURLToPath(import.meta.url)), 'dist');
const backend = process.argv[2] ?? 'http://127.0.0.1:9090';
const port = Number(process.argv[3] ?? 8080);

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
  + "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
  + "frame-ancestors 'none'";
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml',
};
const PAGES = ['/', '/query', '/targets'];

function proxy(incoming, outgoing) {
  const forward = request(new URL(incoming.url, backend), {
    method: incoming.method,
    headers: { ...incoming.headers, host: new URL(backend).host },
  }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  forward.on('error', () => incoming.socket.destroy());
  outgoing.on('close', () => forward.destroy());
  incoming.pipe(forward);
}

createServer((incoming, outgoing) => {
  const { pathname } = new URL(incoming.url, 'http://localhost');
  if (pathname.startsWith('/api/')) {
    proxy(incoming, outgoing);
    return;
  }
  const file = join(dist, PAGES.includes(pathname) ? 'index.html' : normalize(pathname));
  if (!file.startsWith(dist) || !existsSync(file) || pathname.endsWith('/assets')) {
    outgoing.writeHead(404).end();
    return;
  }
  outgoing.writeHead(200, {
    'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
    'Content-Security-Policy': POLICY,
    'Cache-Control': 'no-cache',
  });
  createReadStream(file).pipe(outgoing);
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port} -> ${backend}`));
