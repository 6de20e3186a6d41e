import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { until } from './program.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const PATHS = ['/', '/query?g0.expr=up&g0.tab=graph', '/targets', '/cardinality'];

const settled = async (page) => {
  await page.getByText('Connected', { exact: true }).waitFor({ state: 'attached' });
  await page.locator('.uplot canvas, .target, .result, .counts').first().waitFor();
};

/** What axe finds against WCAG 2.2 AA and good practice, a line each. */
async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document));
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html)}`);
}

/** Controls that a screen reader would announce without a name. */
const nameless = (page) => page.evaluate(() =>
  [...document.querySelectorAll('button, a, input, select, textarea, [role=application]')]
    .filter((element) => {
      const label = element.getAttribute('aria-label') ?? element.closest('label')?.textContent
        ?? element.textContent;
      return label.trim() === '';
    }).map((element) => element.outerHTML));

export const cases = [
  {
    name: 'pages carry the security headers',
    async run({ program }) {
      for (const path of ['/', '/query', '/targets']) {
        const response = await fetch(program.url + path);
        const policy = response.headers.get('content-security-policy') ?? '';
        assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
        assert.ok(!policy.includes('unsafe'));
        assert.match(await response.text(), /<title>Pitwall<\/title>/);
      }
      assert.equal((await fetch(`${program.url}/assets/none.js`)).status, 404);
    },
  },
  {
    name: 'pages fit 390 px',
    async run({ open }) {
      for (const path of PATHS) {
        const tab = await open({ width: 390, height: 844 });
        await tab.goto(path);
        await settled(tab.page);
        const picker = tab.page.getByRole('button', { name: /^Time range/ });
        if (await picker.count() > 0) await picker.click();
      }
    },
  },
  {
    name: 'pages fit 1280 px, every control has a name',
    async run({ open }) {
      for (const path of PATHS) {
        const tab = await open();
        await tab.goto(path);
        await settled(tab.page);
        assert.deepEqual(await nameless(tab.page), []);
      }
    },
  },
  {
    name: 'pages pass the accessibility rules in both themes',
    async run({ open }) {
      for (const colorScheme of ['light', 'dark']) {
        for (const path of PATHS) {
          const tab = await open({ colorScheme });
          await tab.goto(path);
          await settled(tab.page);
          assert.deepEqual(await violations(tab.page), []);
        }
      }
    },
  },
  {
    name: 'theme follows the system and the switch',
    async run({ open }) {
      const background = (page) => page.evaluate(() =>
        getComputedStyle(document.documentElement).backgroundColor);
      const becomes = (page, colour) =>
        until(`background ${colour}`, async () => await background(page) === colour, 3000);
      const light = await open({ colorScheme: 'light' });
      const dark = await open({ colorScheme: 'dark' });
      for (const tab of [light, dark]) {
        await tab.goto('/');
        await settled(tab.page);
      }
      const lightColour = await background(light.page);
      const darkColour = await background(dark.page);
      assert.notEqual(lightColour, darkColour);
      await dark.page.getByRole('button', { name: 'Theme: system' }).click();
      await becomes(dark.page, lightColour);
      await dark.page.reload();
      await settled(dark.page);
      await becomes(dark.page, lightColour);
      await dark.page.getByRole('button', { name: 'Theme: light' }).click();
      await becomes(dark.page, darkColour);
    },
  },
  {
    name: 'times are local or UTC',
    async run({ open }) {
      const { page, ...tab } = await open();
      await page.goto(`${tab.base}/`);
      await settled(page);
      await page.getByRole('button', { name: 'Time zone: local' }).click();
      await page.getByRole('button', { name: 'Time zone: UTC' }).waitFor();
      await page.reload();
      await page.getByRole('button', { name: 'Time zone: UTC' }).waitFor();
    },
  },
  {
    name: 'keyboard reaches everything',
    async run({ open }) {
      const tab = await open();
      const { page } = tab;
      await tab.goto('/targets');
      await settled(page);
      const focused = () => page.evaluate(() =>
        document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent);
      await page.keyboard.press('Tab');
      assert.equal(await focused(), 'Skip to content');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      assert.equal(await focused(), 'Overview');
      const outline = await page.evaluate(() =>
        getComputedStyle(document.activeElement).outlineStyle);
      assert.equal(outline, 'solid');
      await page.keyboard.press('/');
      assert.equal(await focused(), 'Search URL, label or error');
      await page.evaluate(() => document.activeElement.blur());
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'hidden' });
      await page.keyboard.press('g');
      await page.keyboard.press('q');
      await page.waitForURL(/\/query$/);
      await page.locator('.cm-content').waitFor();
      await page.keyboard.press('/');
      await page.keyboard.type('up');
      assert.equal(await page.locator('.cm-content').innerText(), 'up');
    },
  },
  {
    name: 'single-key shortcuts can be turned off',
    async run({ open }) {
      const tab = await open();
      const { page } = tab;
      await tab.goto('/targets');
      await settled(page);
      await page.keyboard.press('?');
      await page.getByLabel('Single-key shortcuts').uncheck();
      await page.keyboard.press('Escape');
      await page.keyboard.press('g');
      await page.keyboard.press('q');
      await page.keyboard.press('?');
      assert.match(page.url(), /\/targets$/);
      assert.equal(await page.getByRole('dialog').count(), 0);
    },
  },
  {
    name: 'Back and Forward move between pages',
    async run({ open }) {
      const tab = await open();
      const { page } = tab;
      await tab.goto('/');
      await settled(page);
      await page.getByRole('link', { name: 'Targets', exact: true }).click();
      await page.getByRole('heading', { name: 'Targets' }).waitFor();
      assert.match(await page.title(), /Targets/);
      await page.goBack();
      await page.locator('.stat').first().waitFor();
      await page.goForward();
      await page.getByRole('heading', { name: 'Targets' }).waitFor();
    },
  },
];
