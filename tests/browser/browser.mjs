// A browser whose pages report everything that should not happen in them.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const ARGS = [
  '--no-sandbox', '--headless', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/** Answers that a case provokes make the browser itself log a line. */
const FAILED_REQUEST = /^Failed to load resource/;

export function launch() {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGS });
}

export class Tab {
  constructor(context, page, base) {
    this.context = context;
    this.page = page;
    this.base = base;
    this.problems = [];
    this.failedRequestsExpected = false;
  }

  static async open(browser, base, { width = 1280, height = 860, colorScheme = 'light' } = {}) {
    const context = await browser.newContext({
      viewport: { width, height }, colorScheme, reducedMotion: 'reduce',
      permissions: [],
    });
    const page = await context.newPage();
    const tab = new Tab(context, page, base);
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') tab.note(message.text());
    });
    page.on('pageerror', (error) => tab.note(`page error: ${error.message}`));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(base) && !url.startsWith('data:')) tab.note(`foreign request: ${url}`);
    });
    return tab;
  }

  note(text) {
    this.problems.push(text);
  }

  async goto(path) {
    await this.page.goto(this.base + path);
  }

  /** Fails on anything noted, on a payload that ran, and on sideways scrolling. */
  async close() {
    const ran = await this.page.evaluate(() => window.__xss !== undefined).catch(() => false);
    const { scroll, view } = await this.page.evaluate(() => ({
      scroll: document.documentElement.scrollWidth, view: window.innerWidth,
    }));
    await this.context.close();
    const problems = this.problems.filter((text) =>
      !(this.failedRequestsExpected && FAILED_REQUEST.test(text)));
    assert.deepEqual(problems, []);
    assert.equal(ran, false, 'a payload ran');
    assert.ok(scroll <= view, `the page scrolls sideways: ${scroll} > ${view}`);
  }
}
