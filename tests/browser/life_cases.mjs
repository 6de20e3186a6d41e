import assert from 'node:assert/strict';
import { freePort, Program, until } from './program.mjs';

const LOST = 'The server cannot be reached.';

export const cases = [
  {
    name: 'without any host the Overview says so',
    async run({ path, browser }) {
      const empty = new Program(path, await freePort(), `global:
  scrape_interval: 1s
scrape_configs:
- job_name: nobody
  static_configs:
  - targets: ['127.0.0.1:9']
`);
      await empty.start();
      const page = await browser.newPage();
      try {
        await page.goto(`${empty.url}/`);
        await page.getByText('No host metrics yet').waitFor();
      } finally {
        await page.close();
        await empty.stop();
      }
    },
  },
  {
    name: 'without a configuration the Overview shows this host',
    async run({ path, browser }) {
      const plain = new Program(path, await freePort(), null);
      await plain.start();
      const page = await browser.newPage();
      try {
        await page.goto(`${plain.url}/?range=5m`);
        await page.locator('.stat-value', { hasText: /\d/ }).first().waitFor({ timeout: 50_000 });
      } finally {
        await page.close();
        await plain.stop();
      }
    },
  },
  {
    name: 'pages and API work below a prefix, under the title that is wanted',
    async run({ path, browser }) {
      const below = new Program(path, await freePort(), null, {
        prefix: '/team/pitwall',
        flags: ['--web.external-url', 'https://ops.example/team/pitwall', '--web.page-title',
                'Desk 7'],
      });
      await below.start();
      const page = await browser.newPage();
      const missing = [];
      page.on('response', (answer) => { if (answer.status() >= 400) missing.push(answer.url()); });
      try {
        await page.goto(`${below.url}/`);
        await page.getByText('Connected').first().waitFor();
        const link = (name) => page.getByLabel('Pages').getByRole('link', { name });
        await link('Targets').click();
        await page.locator('.target').first().waitFor();
        assert.equal(page.url(), `${below.url}/targets`);
        assert.equal(await page.title(), 'Targets · Desk 7');
        await link('Query').click();
        await page.getByRole('button', { name: 'Run' }).waitFor();
        assert.equal(new URL(page.url()).pathname, '/team/pitwall/query');
        await page.reload();
        await page.getByRole('button', { name: 'Run' }).waitFor();
        await page.getByRole('link', { name: 'Pitwall' }).click();
        await until('the Overview', () => page.url() === `${below.url}/`);
        await page.goBack();
        await page.getByRole('button', { name: 'Run' }).waitFor();
        assert.deepEqual(missing, []);
      } finally {
        await page.close();
        await below.stop();
      }
    },
  },
  {
    name: 'a killed server is reported, its return goes on by itself',
    async run({ open, program }) {
      const tabs = [];
      for (const path of ['/?range=5m', '/query?g0.expr=up&g0.tab=table', '/targets']) {
        const tab = await open();
        tab.failedRequestsExpected = true;
        await tab.goto(path);
        await tab.page.locator('.uplot canvas, .target, .result').first().waitFor();
        tabs.push(tab);
      }
      await program.kill();
      for (const { page } of tabs) {
        await page.bringToFront();
        const refresh = page.getByRole('button', { name: /^(Refresh now|Run)$/ });
        await refresh.first().click();
        await page.getByText(LOST).waitFor();
        await page.locator('.uplot canvas, .target, .result').first().waitFor();
      }
      await program.start();
      for (const { page } of tabs) {
        await page.bringToFront();
        await page.getByText(LOST).waitFor({ state: 'detached' });
        await page.getByText('Connected', { exact: true }).waitFor();
        await page.locator('.uplot canvas, .target, .result').first().waitFor();
      }
    },
  },
];
