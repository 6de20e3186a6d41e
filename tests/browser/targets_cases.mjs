import assert from 'node:assert/strict';

async function openTargets(open, path = '/targets', options = {}) {
  const tab = await open(options);
  await tab.goto(path);
  await tab.page.locator('.target').first().waitFor();
  return tab;
}

function manyTargets(count) {
  return Array.from({ length: count }, (_, i) => ({
    discoveredLabels: { __address__: `10.0.0.${i}:9100` },
    labels: { instance: `10.0.0.${i}:9100`, job: `job${i % 3}`, desk: 'equities' },
    scrapePool: `job${i % 3}`, scrapeUrl: `http://10.0.0.${i}:9100/metrics`,
    lastError: i % 50 === 0 ? 'connection refused' : '',
    lastScrape: new Date().toISOString(), lastScrapeDuration: 0.0123,
    health: i % 50 === 0 ? 'down' : 'up',
  }));
}

async function openMany(open, count) {
  const tab = await open();
  await tab.page.route('**/api/v1/targets?*', (route) => route.fulfill({
    json: { status: 'success', data: { activeTargets: manyTargets(count), droppedTargets: [] } },
  }));
  await tab.goto('/targets');
  await tab.page.locator('.target').first().waitFor();
  await tab.page.getByText(`All ${count}`).waitFor();
  return tab.page;
}

/* Scrolls from top to bottom in 60 steps; the median time of a frame in ms. */
function scrollFrames(page) {
  return page.evaluate(async () => {
    const total = document.documentElement.scrollHeight;
    const frames = [];
    for (let i = 1; i <= 60; i++) {
      const started = performance.now();
      scrollTo(0, (total * i) / 60);
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      frames.push(performance.now() - started);
    }
    return frames.sort((a, b) => a - b)[30];
  });
}

export const cases = [
  {
    name: 'targets shows states, labels and errors',
    async run({ open }) {
      const { page } = await openTargets(open);
      assert.equal(await page.locator('.target').count(), 5);
      const node = page.locator('.target', { hasText: 'node' }).first();
      assert.match(await node.innerText(), /Up[\s\S]*ago[\s\S]*ms/);
      const refused = page.locator('.target', { hasText: '/refused' });
      assert.match(await refused.innerText(), /Down/);
      assert.match(await refused.locator('.target-error').innerText(), /500/);
    },
  },
  {
    name: 'targets shows payloads in labels and errors as text',
    async run({ open, payload }) {
      const { page } = await openTargets(open);
      await page.locator('.chip-value', { hasText: payload }).first().waitFor();
      await page.locator('.target-error').first().waitFor();
      const broken = page.locator('.target', { hasText: '/broken' });
      await broken.getByRole('button').click();
      await broken.locator('.target-details').getByText('Discovered').waitFor();
      assert.match(await broken.locator('.target-details').innerText(), /__metrics_path__/);
      assert.equal(await page.locator('img').count(), 0);
    },
  },
  {
    name: 'targets can be searched, filtered and folded',
    async run({ open }) {
      const { page } = await openTargets(open);
      await page.getByRole('searchbox').fill('refused');
      await page.waitForURL(/search=refused/);
      assert.equal(await page.locator('.target').count(), 1);
      await page.getByRole('searchbox').fill('');
      await page.getByText(/^Down \d/).click();
      await page.waitForURL(/health=down/);
      assert.equal(await page.locator('.target').count(), 2);
      await page.getByRole('button', { name: /^broken/ }).click();
      assert.equal(await page.locator('.target').count(), 1);
      await page.reload();
      await page.locator('.target').first().waitFor();
      assert.equal(await page.locator('.target').count(), 2);
      await page.getByRole('searchbox').fill('nothing like this');
      await page.getByText('No target matches').waitFor();
    },
  },
  {
    name: 'targets stays smooth with 3,000 rows',
    async run({ open }) {
      // Scrolling must not cost more the more rows there are: the middle frame beside that of
      // a page with 60 rows, in the same run.
      const few = await scrollFrames(await openMany(open, 60));
      const page = await openMany(open, 3000);
      const many = await scrollFrames(page);
      assert.ok(many < 6 * few + 16,
        `a frame took ${many.toFixed(1)} ms, with few rows ${few.toFixed(1)} ms`);
      const inDocument = await page.locator('.target').count();
      assert.ok(inDocument < 150, `${inDocument} rows are in the document`);
      await page.getByText('http://10.0.0.998:9100/metrics').waitFor();
      await page.getByRole('searchbox').fill('10.0.0.1234:');
      await page.getByText('All 1', { exact: true }).waitFor();
    },
  },
];
