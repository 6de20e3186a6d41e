import assert from 'node:assert/strict';

const STATUS = {
  headStats: { numSeries: 1234567, numLabelPairs: 4321, minTime: 0, maxTime: 1 },
  seriesCountByMetricName: [{ name: 'orders_total', value: 900000 }, { name: 'up', value: 3 }],
  labelValueCountByLabelName: [{ name: 'symbol', value: 8000 }],
  memoryInBytesByLabelName: [{ name: 'symbol', value: 10485760 }],
  seriesCountByLabelValuePair: [{ name: 'venue=XNAS "a"', value: 500000 }],
};

async function shows({ open }) {
  const tab = await open();
  await tab.page.route('**/api/v1/status/tsdb?*', (route) => route.fulfill({
    json: { status: 'success', data: STATUS },
  }));
  await tab.goto('/cardinality');
  await tab.page.getByText('1.235M series').waitFor();
  const rows = await tab.page.locator('.counts').first().locator('tr').allInnerTexts();
  assert.deepEqual(rows.map((row) => row.split(/\s+/).filter(Boolean)),
                   [['orders_total', '900k'], ['up', '3']]);
  await tab.page.getByRole('link', { name: 'venue=XNAS "a"' }).click();
  await tab.page.waitForURL(/query/);
  const expression = new URL(tab.page.url()).searchParams.get('g0.expr');
  assert.equal(expression, '{venue="XNAS \\"a\\""}');
}

/** What the server wants its operator to know is on every page. */
async function warns({ open }) {
  const tab = await open();
  await tab.page.route('**/api/v1/notifications', (route) => route.fulfill({
    json: { status: 'success', data: [
      { text: 'The series limit is reached: new series are refused.', date: '', active: true },
      { text: 'Something that is over.', date: '', active: false },
    ] },
  }));
  await tab.goto('/targets');
  await tab.page.getByText('The series limit is reached').waitFor();
  assert.equal(await tab.page.getByText('Something that is over').count(), 0);
}

export const cases = [
  { name: 'cardinality shows what costs most', run: shows },
  { name: 'warnings of the server are on every page', run: warns },
];
