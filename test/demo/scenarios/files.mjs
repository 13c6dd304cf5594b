/** Files are chosen and dropped, merged, compacted and read back; options change; the map is walked over. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const attribute = (page, name) => page.locator(`[data-attribute=${name}]`).textContent();

/** As a person drops it: an event with the file's data. */
async function drop(page, file) {
  const bytes = (await readFile(file)).toString('base64');
  const transfer = await page.evaluateHandle(
    ([name, base64]) => {
      const data = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      data.items.add(new File([bytes], name));
      return data;
    },
    [path.basename(file), bytes],
  );
  await page.dispatchEvent('.map-frame', 'dragover', { dataTransfer: transfer });
  await page.dispatchEvent('.map-frame', 'drop', { dataTransfer: transfer });
}

const load = (page, file) => page.locator('.file-chooser', { hasText: 'Load' }).locator('input').setInputFiles(file);

const press = (page, name) => page.getByRole('button', { name, exact: true }).click();

export async function run({ open, notice, shoot, input: { first, second, saved, page: pageOfInterest, writesBack } }) {
  const page = await open({ colorScheme: 'dark' });
  await page.waitForSelector('[data-ready]');
  await shoot(page, 'empty-dark');

  await page.locator('input[type=file]').first().setInputFiles(first);
  await notice(page, 'stored in');
  await drop(page, second);
  await page.locator('[data-source]').nth(1).waitFor();
  await notice(page, 'stored in');
  const stored = await attribute(page, 'mm_stat');
  await press(page, 'Check');
  const checked = await notice(page, 'identical');

  await press(page, 'Merge now');
  const mergeNotice = await notice(page, 'merged into');
  const merged = await attribute(page, 'mm_stat');
  await press(page, 'Compact now');
  await notice(page, 'moved in');
  const compacted = await attribute(page, 'mm_stat');
  await press(page, 'Check');
  const checkedAgain = await notice(page, 'identical');
  const shares = await page.locator('[data-source] td').allTextContents();

  // Over the map by keyboard: to a page, whose description is read aloud, and into the zoom.
  await page.locator('canvas').first().focus();
  await page.keyboard.press('Home');
  for (let n = 0; n < pageOfInterest; n++) await page.keyboard.press('ArrowRight');
  const described = await page.locator('[aria-live=polite]').first().textContent();
  await shoot(page, 'merged-dark', { fullPage: true });
  for (let n = 0; n < 6; n++) await page.keyboard.press('+');
  await shoot(page, 'zoomed-dark');
  await page.keyboard.press('0');
  await page.getByRole('button', { name: /^merged/ }).click();
  await shoot(page, 'only-merged-dark');
  await page.getByRole('button', { name: /^merged/ }).click();

  // Recompression is the library's; idle pages go to a file of the browser, and come back from there.
  await press(page, 'Recompress');
  await notice(page, 'packed smaller');
  const recompressed = await attribute(page, 'mm_stat');
  await press(page, 'Mark idle');
  await notice(page, 'marked as idle');
  await shoot(page, 'idle-dark');
  const group = page.getByRole('group', { name: /Write back/ });
  const withoutFiles = writesBack ? undefined : await group.textContent();
  if (writesBack) {
    await press(page, 'Write back');
    await notice(page, 'written back in');
    await shoot(page, 'written-back-dark', { fullPage: true });
  }
  const writtenBack = { mmStat: await attribute(page, 'mm_stat'), bdStat: await attribute(page, 'bd_stat') };
  await press(page, 'Check');
  await notice(page, 'identical');

  // Saved to a file, pages that are written back included, and loaded from it.
  const download = page.waitForEvent('download');
  await press(page, 'Save');
  await notice(page, 'Saved');
  await (await download).saveAs(saved);
  await press(page, 'Clear');
  await notice(page, 'free');
  const cleared = await attribute(page, 'mm_stat');
  await load(page, first);
  const refused = await notice(page, 'EINVAL');
  await load(page, saved);
  await notice(page, 'loaded from');
  const loaded = await attribute(page, 'mm_stat');
  await shoot(page, 'loaded-dark');
  // What was loaded is stored on a new device; then it is the files' turn again.
  const dedupLoaded = page.getByRole('switch', { name: 'Inline dedup' });
  await dedupLoaded.click();
  await notice(page, 'stored in');
  await press(page, 'Check');
  await notice(page, 'identical');
  await dedupLoaded.click();
  await notice(page, 'stored in');
  await press(page, 'Clear');
  await notice(page, 'free');
  await page.locator('input[type=file]').first().setInputFiles([first, second]);
  await notice(page, 'stored in');

  // Options make a new device and store everything again.
  const dedup = page.getByRole('switch', { name: 'Inline dedup' });
  await dedup.click();
  await notice(page, 'stored in');
  const deduplicated = await attribute(page, 'mm_stat');
  await dedup.click();
  await notice(page, 'stored in');
  await page.getByLabel('Zspages chain up to').selectOption('16');
  await notice(page, 'stored in');
  const chained = await attribute(page, 'mm_stat');

  await page.getByRole('switch', { name: 'ksmd' }).click();
  await page.waitForFunction(
    (expected) => document.querySelector('[data-attribute=mm_stat]').textContent.trim().split(/\s+/)[9] === expected,
    merged.trim().split(/\s+/)[9],
  );
  await page.getByRole('switch', { name: 'ksmd' }).click();

  await page.close();
  return {
    stored,
    checked,
    mergeNotice,
    merged,
    compacted,
    recompressed,
    writtenBack,
    withoutFiles,
    refused,
    loaded,
    checkedAgain,
    shares,
    described,
    deduplicated,
    chained,
    cleared,
  };
}
