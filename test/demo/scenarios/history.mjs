/** Programs run and are recorded; the slider goes back, and so do the programs. */
export async function run({ open, notice, shoot, input: { states } }) {
  const page = await open({ hash: '#history', colorScheme: 'light' });
  const slider = page.getByRole('slider', { name: 'State' });
  const facts = page.locator('.facts');
  const figures = () => page.locator('.view:not([hidden]) .ratio').evaluate(({ dataset }) => ({ ...dataset }));

  async function record(finding) {
    await page.getByLabel('Equal pages are found').selectOption(finding);
    await page.getByRole('button', { name: /Start/ }).click();
    await notice(page, 'A state is kept');
    await page.waitForFunction((last) => Number(document.querySelector('input[type=range]').max) >= last, states - 1);
    const { raw, held } = await figures();
    return { raw: Number(raw), held: Number(held) };
  }

  // Before there is data, the chart's legend has no values.
  const values = page.locator('.view:not([hidden]) .u-legend .u-value');
  await values.nth(1).waitFor(); // the first one, of the axis, is not shown
  const legend = await values.allTextContents();
  const found = { dedup: await record('dedup') };
  await shoot(page, 'history-light', { fullPage: true });
  await page.getByRole('button', { name: 'Pause' }).click();
  await notice(page, 'Paused');

  const seen = [];
  for (let id = 0; id < states; id++) {
    await slider.fill(String(id));
    await page.waitForFunction((id) => document.querySelector('.facts').dataset.id === String(id), id);
    seen.push({ identical: await facts.getAttribute('data-identical'), text: await facts.textContent() });
  }
  await slider.fill('1');
  await page.waitForFunction(() => document.querySelector('.facts').dataset.id === '1');
  await shoot(page, 'history-back-light');
  await page.getByRole('button', { name: /go on from here/ }).click();
  const rewound = await notice(page, 'again');
  await page.close();
  return { legend, found, seen, rewound };
}
