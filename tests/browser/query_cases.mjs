import assert from 'node:assert/strict';
import { pause } from './program.mjs';

/** A list takes no keys just after it opened, so that what is being typed does not choose. */
const LIST_OPENS_MS = 150;

const at = (...queries) => `/query?${queries.map((query, i) =>
  Object.entries(query).map(([name, value]) =>
    `g${i}.${name}=${encodeURIComponent(value)}`).join('&')).join('&')}`;

async function type(page, text) {
  await page.locator('.cm-content').first().click();
  await page.keyboard.type(text, { delay: 15 });
}

export const cases = [
  {
    name: 'query runs what is typed, with completion',
    async run({ open }) {
      const { page } = await openQuery(open, '/query');
      await type(page, 'sum by (mode) (rate(node_cpu_sec');
      await page.locator('.cm-tooltip-autocomplete li', { hasText: 'node_cpu_seconds_total' })
        .first().waitFor();
      await pause(LIST_OPENS_MS);
      await page.keyboard.press('Tab');
      await page.keyboard.type('[10s]');
      await page.keyboard.press('Control+Enter');
      await page.locator('.result', { hasText: 'mode="idle"' }).waitFor();
      assert.match(page.url(), /g0\.expr=sum/);
      assert.match(await page.locator('.query-summary').innerText(), /\d+ series · /);
    },
  },
  {
    name: 'query completes label names, values and functions',
    async run({ open }) {
      const { page } = await openQuery(open, '/query');
      const option = (text) =>
        page.locator('.cm-tooltip-autocomplete li', { hasText: text }).first();
      await type(page, 'up{');
      await option('instance').waitFor();
      await page.keyboard.type('job="');
      await option('hostile').waitFor();
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+a');
      await page.keyboard.press('Delete');
      await page.keyboard.type('histogram_quan', { delay: 15 });
      await option('histogram_quantile').waitFor();
      await page.locator('.cm-completionInfo', { hasText: 'quantile of histograms' }).waitFor();
    },
  },
  {
    name: 'query draws a graph, stacked and as a table',
    async run({ open }) {
      const { page } = await openQuery(open, at({
        expr: 'rate(node_cpu_seconds_total[10s])', tab: 'graph', range_input: '5m',
      }));
      await page.locator('.uplot canvas').waitFor();
      assert.ok(await page.locator('.legend-item').count() >= 8);
      await page.getByRole('button', { name: 'Stacked' }).click();
      await page.waitForURL(/g0\.stacked=1/);
      await page.getByRole('button', { name: 'Data table' }).click();
      await page.getByRole('columnheader', { name: /mode="idle"/ }).first().waitFor();
      await page.getByText('Table', { exact: true }).click();
      await page.locator('.result').first().waitFor();
    },
  },
  {
    name: 'query error stands at its position',
    async run({ open }) {
      const tab = await openQuery(open, at({ expr: 'up and foo bar', tab: 'table' }));
      tab.failedRequestsExpected = true;
      const alert = tab.page.getByRole('alert').filter({ hasText: 'bar' });
      await alert.waitFor();
      assert.match(await alert.innerText(), /character 12/);
      await tab.page.locator('.cm-underline').waitFor();
      assert.equal(await tab.page.locator('.cm-underline').innerText(), 'bar');
      await type(tab.page, ' ');
      await tab.page.locator('.cm-underline').waitFor({ state: 'detached' });
    },
  },
  {
    name: 'query address restores everything',
    async run({ open }) {
      const end = new Date().toISOString().slice(0, 19).replace('T', ' ');
      const first = await openQuery(open, at(
        { expr: 'up', tab: 'graph', range_input: '15m', end_input: end, step_input: '10' },
        { expr: 'hostile_orders_total', tab: 'table' },
      ));
      await first.page.getByRole('button', { name: 'Stacked' }).click();
      await first.page.waitForURL(/g0\.stacked=1/);
      const { page } = await openQuery(open, first.page.url().slice(first.base.length));
      await page.locator('.uplot canvas').waitFor();
      await page.getByRole('button', { name: /^Time range: \d{4}-/ }).waitFor();
      assert.deepEqual(await page.locator('.cm-content').allInnerTexts(),
                       ['up', 'hostile_orders_total']);
      assert.equal(await page.getByRole('button', { name: 'Stacked' })
        .getAttribute('aria-pressed'), 'true');
      assert.equal(await page.getByLabel('Step').inputValue(), '10s');
      assert.equal(await page.locator('.result').count(), 2);
    },
  },
  {
    name: 'queries can be added and removed',
    async run({ open }) {
      const { page } = await openQuery(open, at({ expr: 'up', tab: 'table' }));
      await page.getByRole('button', { name: 'Add query' }).click();
      await page.getByRole('button', { name: 'Remove query 1' }).click();
      await page.getByRole('button', { name: 'Remove query 1' }).waitFor({ state: 'detached' });
      assert.equal(await page.locator('.query').count(), 1);
      assert.equal(await page.locator('.result').count(), 0);
    },
  },
  {
    name: 'query in flight is cancelled when the page is left',
    async run({ open }) {
      const { page } = await openQuery(open, '/query');
      await page.route('**/api/v1/query', () => undefined);
      await type(page, 'up');
      const failed = page.waitForEvent('requestfailed', (request) =>
        request.url().endsWith('/api/v1/query'));
      const sent = page.waitForRequest('**/api/v1/query');
      await page.keyboard.press('Control+Enter');
      await sent;
      await page.getByRole('link', { name: 'Targets' }).click();
      assert.equal((await failed).failure().errorText, 'net::ERR_ABORTED');
      await page.unroute('**/api/v1/query');
    },
  },
  {
    name: 'query stays usable with thousands of series',
    async run({ open }) {
      const tab = await openQuery(open, '/query');
      const values = Array.from({ length: 100 }, (_, i) => [1_700_000_000 + i * 15, String(i)]);
      const result = Array.from({ length: 3000 }, (_, i) =>
        ({ metric: { __name__: 'many', id: String(i) }, values }));
      await tab.page.route('**/api/v1/query_range', (route) => route.fulfill({
        json: { status: 'success', data: { resultType: 'matrix', result } },
      }));
      await tab.goto(at({ expr: 'many', tab: 'graph', end_input: '2023-11-14 22:38:05',
                          range_input: '25m', step_input: '15' }));
      await tab.page.getByText(/Drawn are the 200 series.*3,000/).waitFor();
      assert.equal(await tab.page.locator('.legend-item').count(), 200);
    },
  },
  {
    name: 'query shows payloads in labels as text',
    async run({ open, payload }) {
      const { page } = await openQuery(open, at(
        { expr: 'hostile_orders_total', tab: 'table' },
        { expr: 'hostile_orders_total', tab: 'graph', range_input: '5m' },
      ));
      const shown = payload.replace('"', '\\"');
      await page.locator('.series-value', { hasText: shown }).first().waitFor();
      await page.locator('.legend-label', { hasText: shown }).first().waitFor();
      const box = await page.locator('.u-over').boundingBox();
      await page.mouse.move(box.x + box.width - 5, box.y + 40);
      await page.locator('.chart-tooltip-label', { hasText: shown }).first().waitFor();
      assert.equal(await page.locator('img').count(), 0);
    },
  },
  {
    name: 'query shows payloads in help and completion as text',
    async run({ open, payload }) {
      const { page } = await openQuery(open, '/query');
      await type(page, 'hostile_ord');
      await page.locator('.cm-completionInfo', { hasText: payload }).waitFor();
      await pause(LIST_OPENS_MS);
      await page.keyboard.press('Tab');
      await page.keyboard.type('{payload="');
      await page.locator('.cm-tooltip-autocomplete li', { hasText: payload }).first().waitFor();
      assert.equal(await page.locator('img').count(), 0);
    },
  },
  {
    name: 'query shows native histograms',
    async run({ open }) {
      const tab = await openQuery(open, '/query');
      await tab.page.route('**/api/v1/query', (route) => route.fulfill({ json: {
        status: 'success', infos: ['PromQL info: an info'], warnings: ['PromQL warning: a warning'],
        data: { resultType: 'vector', result: [{ metric: { job: 'a' }, histogram: [1, {
          count: '6', sum: '12', buckets: [[0, '0.5', '1', '2'], [0, '1', '2', '4']],
        }] }] },
      } }));
      await tab.goto(at({ expr: 'native', tab: 'table' }));
      await tab.page.getByText('count 6 · sum 12 · mean 2').waitFor();
      assert.equal(await tab.page.locator('.histogram-bucket').count(), 2);
      await tab.page.getByText('PromQL info: an info').waitFor();
      await tab.page.getByText('PromQL warning: a warning').waitFor();
    },
  },
];

async function openQuery(open, path) {
  const tab = await open();
  await tab.goto(path);
  await tab.page.locator('.cm-content').first().waitFor();
  return tab;
}
