/** The benchmarks run to their end. */
export async function run({ open, notice, shoot }) {
  const page = await open({ hash: '#bench', colorScheme: 'light' });
  await page.getByRole('button', { name: 'Measure this browser' }).click();
  const done = await notice(page, 'Done');
  await shoot(page, 'bench-light', { fullPage: true });
  const results = await page.locator('[data-benchmark]').evaluateAll((sections) =>
    sections.map((section) => ({
      id: section.dataset.benchmark,
      figures: [...section.querySelectorAll('tr')].map((row) => row.querySelectorAll('td')[1].textContent),
    })),
  );
  await page.close();
  return { done, results };
}
