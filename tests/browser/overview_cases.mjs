import assert from 'node:assert/strict';
import { hostname } from 'node:os';

const PANELS = ['CPU', 'Memory', 'Network', 'Disk throughput', 'Disk utilisation', 'Load'];

const panel = (page, name) => page.locator('section.panel').filter({
  has: page.getByRole('heading', { name, exact: true }),
});

async function openOverview({ open }, options) {
  const tab = await open(options);
  await tab.goto('/?range=5m');
  await tab.page.locator('.uplot canvas').first().waitFor();
  return tab;
}

/** Pixels that are not background. */
const drawn = (canvas) => canvas.evaluate((element) => {
  const { data } = element.getContext('2d').getImageData(0, 0, element.width, element.height);
  let count = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i] > 0) count++;
  return count;
});

export const cases = [
  {
    name: 'overview shows this host',
    async run(world) {
      const { page } = await openOverview(world);
      await page.getByRole('heading', { level: 1, name: hostname() }).waitFor();
      assert.match(await page.locator('.stat').first().innerText(), /CPU busy\s+[\d.]+ %/);
      assert.match(await page.locator('.host-head').innerText(), /\d+ cores · up \d+/);
      assert.match(await page.locator('.target-count').innerText(), /3 targets up, 2 down/);
    },
  },
  {
    name: 'overview of a new store shows the minutes that are there',
    async run({ open }) {
      const tab = await open();
      const { page } = tab;
      await tab.goto('/');
      await page.locator('.uplot canvas').first().waitFor();
      await page.getByRole('button', { name: 'Time range: Last 5m' }).waitFor();
    },
  },
  {
    name: 'overview draws every panel with units',
    async run(world) {
      const { page } = await openOverview(world);
      for (const name of PANELS) {
        const one = panel(page, name);
        await one.locator('.legend-item').first().waitFor();
        assert.ok(await drawn(one.locator('canvas')) > 500, `${name} is empty`);
      }
      const unit = async (name) => panel(page, name).locator('.legend-value').first().innerText();
      assert.match(await unit('CPU'), /^[\d.<]+ %$/);
      assert.match(await unit('Memory'), /^[\d.]+ [KMGT]iB$/);
      assert.match(await unit('Network'), /^[\d.]+ ([KMG]i)?B\/s$/);
      assert.match(await panel(page, 'Filesystems').innerText(), /iB|No filesystems/);
    },
  },
  {
    name: 'overview shows the host that is chosen',
    async run(world) {
      const { page } = await openOverview(world);
      const asked = page.waitForRequest((request) =>
        request.url().includes('/query_range') && request.postData().includes('spare%3A9100'));
      await page.getByLabel('Host').selectOption({ label: `${hostname()} · spare:9100` });
      await page.waitForURL(/instance=spare%3A9100/);
      await asked;
      await page.reload();
      await page.locator('.uplot canvas').first().waitFor();
      const chosen = page.getByLabel('Host').locator('option:checked');
      assert.match(await chosen.innerText(), /spare:9100/);
    },
  },
  {
    name: 'overview goes on by itself',
    async run(world) {
      const { page } = await openOverview(world);
      await page.getByLabel('Refresh every').selectOption('5');
      const again = await page.waitForRequest((request) =>
        request.url().includes('/api/v1/query_range'), { timeout: 15_000 });
      assert.ok(again);
    },
  },
  {
    name: 'charts share their cursor',
    async run(world) {
      const { page } = await openOverview(world);
      await panel(page, 'Load').locator('.legend-item').first().waitFor();
      const over = panel(page, 'CPU').locator('.u-over');
      const box = await over.boundingBox();
      await page.mouse.move(box.x + box.width - 20, box.y + 40);
      await page.locator('.chart-tooltip').waitFor();
      assert.match(await page.locator('.chart-tooltip').innerText(), /\d{4}-\d\d-\d\d \d\d:\d\d/);
      assert.equal(await page.locator('.chart-tooltip').count(), 1);
      const moved = await panel(page, 'Memory').locator('.u-cursor-x').evaluate((line) =>
        line.style.transform);
      assert.match(moved, /translate\(\d{2,}/);
    },
  },
  {
    name: 'dragging zooms and Back returns',
    async run(world) {
      const { page } = await openOverview(world);
      const box = await panel(page, 'CPU').locator('.u-over').boundingBox();
      await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.8, box.y + 40, { steps: 5 });
      await page.mouse.up();
      await page.waitForURL(/from=\d+&to=\d+/);
      await page.goBack();
      await page.waitForURL(/range=5m/);
      await page.getByRole('button', { name: 'Time range: Last 5m' }).waitFor();
    },
  },
  {
    name: 'range picker takes presets and exact times',
    async run(world) {
      const { page } = await openOverview(world);
      await page.getByRole('button', { name: /^Time range/ }).click();
      await page.getByRole('button', { name: 'Last 6h' }).click();
      await page.waitForURL(/range=6h/);
      await page.getByRole('button', { name: /^Time range/ }).click();
      await page.getByLabel('From').fill('2026-01-02 03:04:05');
      await page.getByLabel('To').fill('yesterday');
      await page.getByRole('button', { name: 'Apply' }).click();
      await page.getByRole('alert').filter({ hasText: 'Write times as' }).waitFor();
      await page.getByLabel('To').fill('2026-01-02 04:04:05');
      await page.getByRole('button', { name: 'Apply' }).click();
      await page.waitForURL(/from=\d+&to=\d+/);
      await page.getByText('No data in this range').first().waitFor();
    },
  },
  {
    name: 'a chart shows its numbers as a table',
    async run(world) {
      const { page } = await openOverview(world);
      await page.getByRole('button', { name: 'Memory: data table' }).click();
      const table = panel(page, 'Memory').getByRole('table');
      await table.getByRole('columnheader', { name: 'used' }).waitFor();
      assert.match(await table.locator('tbody tr').first().innerText(), /\d\d:\d\d:\d\d.*iB/s);
    },
  },
  {
    name: 'a legend hides and shows series',
    async run(world) {
      const { page } = await openOverview(world);
      const item = panel(page, 'Load').getByRole('button', { name: /5 min/ }).last();
      await item.click();
      assert.equal(await item.getAttribute('aria-pressed'), 'false');
      await item.click();
      assert.equal(await item.getAttribute('aria-pressed'), 'true');
    },
  },
  {
    name: 'a chart is read with the keyboard',
    async run(world) {
      const { page } = await openOverview(world);
      const chart = panel(page, 'Load').locator('.chart');
      await chart.focus();
      await page.keyboard.press('End');
      await page.keyboard.press('ArrowLeft');
      const spoken = await chart.locator('[aria-live]').innerText();
      assert.match(spoken, /\d\d:\d\d:\d\d.*: .*1 min [\d.]+/);
      await page.locator('.chart-tooltip').waitFor();
      await page.keyboard.press('Escape');
      await page.locator('.chart-tooltip').waitFor({ state: 'detached' });
      await page.keyboard.press('+');
      await page.waitForURL(/from=\d+&to=\d+/);
    },
  },
];
