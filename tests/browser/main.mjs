// Starts everything, runs the cases one after another, closes with a count.

import { freePort, Program, startNodeExporter, until } from './program.mjs';
import { launch, Tab } from './browser.mjs';
import { startExporter, PAYLOAD } from './exporter.mjs';
import { cases as cardinalityCases } from './cardinality_cases.mjs';
import { cases as lifeCases } from './life_cases.mjs';
import { cases as overviewCases } from './overview_cases.mjs';
import { cases as queryCases } from './query_cases.mjs';
import { cases as shellCases } from './shell_cases.mjs';
import { cases as targetsCases } from './targets_cases.mjs';

const CASE_MS = 60_000;
/** Enough for rates, and for a line with more than one point. */
const SCRAPES_MIN = 6;

function configuration(nodeAddress, exporterPort) {
  const label = JSON.stringify(PAYLOAD);
  const job = (name, path) => `
- job_name: ${name}
  metrics_path: ${path}
  static_configs:
  - targets: ['127.0.0.1:${exporterPort}']
    labels:
      desk: equities
      note: ${label}`;
  return `global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
- job_name: node
  static_configs:
  - targets: ['${nodeAddress}']
- job_name: spare
  static_configs:
  - targets: ['${nodeAddress}']
    labels:
      instance: spare:9100${job('hostile', '/hostile')}${job('broken', '/broken')}${
    job('refused', '/refused')}
`;
}

async function waitForData(program) {
  await until('samples of every target', async () => {
    const scraped = await program.query('count_over_time(up[1m])');
    return scraped.length >= 5 && scraped.every((one) => Number(one.value[1]) >= SCRAPES_MIN);
  }, 30_000);
}

async function runCase(one, world) {
  const tabs = [];
  const open = async (options) => {
    const tab = await Tab.open(world.browser, world.program.url, options);
    tabs.push(tab);
    return tab;
  };
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('took too long')), CASE_MS);
  });
  try {
    await Promise.race([one.run({ ...world, open }), late]);
    for (const tab of tabs.splice(0)) await tab.close();
  } finally {
    clearTimeout(timer);
    for (const tab of tabs) await tab.context.close().catch(() => undefined);
  }
}

async function runAll(world, namePart) {
  const cases = [overviewCases, queryCases, targetsCases, cardinalityCases, shellCases,
                 lifeCases].flat()
    .filter((one) => one.name.includes(namePart));
  let passed = 0;
  for (const one of cases) {
    try {
      await runCase(one, world);
      passed++;
      console.log(`ok      ${one.name}`);
    } catch (error) {
      console.log(`FAILED  ${one.name}\n${String(error.stack).replace(/^/gm, '        ')}`);
    }
  }
  console.log(`${passed} passed, ${cases.length - passed} failed`);
  return passed === cases.length && passed > 0;
}

const [path, namePart = ''] = process.argv.slice(2);
const exporter = await startExporter();
const node = await startNodeExporter();
const config = configuration(node.address, exporter.address().port);
const program = new Program(path, await freePort(), config);
let browser = null;
let good = false;
try {
  await program.start();
  await waitForData(program);
  browser = await launch();
  good = await runAll({ browser, program, path, payload: PAYLOAD }, namePart);
} catch (error) {
  console.log(`the tests could not run: ${error.stack}\n0 passed, 1 failed`);
} finally {
  await browser?.close();
  if (program.running !== null) await program.stop();
  node.stop();
  exporter.close();
  exporter.closeAllConnections?.();
}
process.exit(good ? 0 : 1);
