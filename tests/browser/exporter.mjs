// Scrape targets that try to break out of the pages: markup in label values, help and errors.

import { createServer } from 'node:http';

export const PAYLOAD = '"><img src=x onerror=window.__xss=1>';

const escaped = PAYLOAD.replace(/\\/g, '\\\\').replace(/"/g, '\\"');

const HOSTILE_METRICS = `# HELP hostile_orders_total ${PAYLOAD}
# TYPE hostile_orders_total counter
hostile_orders_total{payload="${escaped}",venue="a"} 7
hostile_orders_total{payload="b ${escaped}",venue="b"} 9
# HELP hostile_seconds Time to fill.
# TYPE hostile_seconds histogram
hostile_seconds_bucket{le="0.1"} 3
hostile_seconds_bucket{le="+Inf"} 5
hostile_seconds_sum 1.5
hostile_seconds_count 5
`;

const ANSWERS = {
  '/hostile': (response) => {
    response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    response.end(HOSTILE_METRICS);
  },
  '/broken': (response) => {
    response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    response.end(`${PAYLOAD} 1\n`);
  },
  '/refused': (response) => {
    response.writeHead(500, PAYLOAD);
    response.end(PAYLOAD);
  },
};

/** Listens on a free loopback port and resolves with the server. */
export function startExporter() {
  const server = createServer((request, response) => {
    const answer = ANSWERS[new URL(request.url, 'http://localhost').pathname];
    if (answer === undefined) response.writeHead(404).end();
    else answer(response);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
