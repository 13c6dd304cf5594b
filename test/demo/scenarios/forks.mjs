/** A database is made, forked and frozen; what is written to a fork is its own, and the others do not see it. */
export async function run({ open, notice, shoot }) {
  const page = await open({ hash: '#forks', colorScheme: 'dark' });
  const view = page.locator('.view:not([hidden])');
  const press = (name) => view.getByRole('button', { name, exact: true }).click();
  const counts = async () =>
    Object.fromEntries(
      await view
        .locator('.legend-entry')
        .evaluateAll((entries) =>
          entries.map((entry) => [
            entry.dataset.category,
            Number(entry.querySelector('.count').textContent.replaceAll(',', '')),
          ]),
        ),
    );
  const rows = () => view.locator('.result td').allTextContents();
  const query = async (sql) => {
    await view.getByRole('textbox').fill(sql);
    await press('Run');
    // Not the notice alone, which the query before may have left there: the answer has one column.
    await notice(page, / rows? in /);
    await page.waitForFunction(() => document.querySelectorAll('.view:not([hidden]) .result th').length === 1);
    return rows();
  };
  const total = "SELECT sum(price) AS total FROM purchase WHERE city = 'Oslo'";

  await press('Make a database');
  await notice(page, 'A database of');
  const alone = await counts();
  const before = await query(total);
  await press('Snapshot, read-only');
  await notice(page, 'Frozen in');
  await view.locator('.branch').first().click();
  await press('Fork');
  const forked = await notice(page, 'Forked in');
  const shared = await counts();
  await press('Raise prices in Oslo');
  await notice(page, 'rows changed in');
  const written = await counts();
  const inFork = await query(total);
  await press('Sales by city');
  await notice(page, /10 rows in/);
  await shoot(page, 'forks-dark', { fullPage: true });
  await view.locator('.branch').nth(1).click();
  const inSnapshot = await query(total);
  await press('Delete a third');
  const refused = await notice(page, 'readonly');
  await press('Remove');
  await notice(page, 'Removed');
  const held = await view.locator('.ratio').textContent();
  await page.getByRole('button', { name: /light and dark/ }).click();
  await shoot(page, 'forks-light');
  await page.close();

  const phone = await open({ hash: '#forks', viewport: { width: 390, height: 844 }, colorScheme: 'light' });
  await phone.getByRole('button', { name: 'Make a database' }).click();
  await notice(phone, 'A database of');
  await shoot(phone, 'forks-phone', { fullPage: true });
  const overflow = await phone.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await phone.close();
  return { alone, shared, written, before, inFork, inSnapshot, refused, forked, held, overflow };
}
