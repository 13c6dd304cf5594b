/** On a phone, in both themes; without what the demo needs; and with the policy in the page itself. */
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

async function phone({ open, notice, shoot }) {
  const page = await open({ ...PHONE, colorScheme: 'light', reducedMotion: 'reduce' });
  await page.waitForSelector('[data-ready]');
  await shoot(page, 'phone-empty-light');
  await page.locator('.map-empty button').first().tap();
  await notice(page, 'stored in');
  await page.getByRole('button', { name: 'Merge now' }).tap();
  await notice(page, 'merged into');
  await shoot(page, 'phone-light', { fullPage: true });
  await page.getByRole('button', { name: /light and dark/ }).tap();
  await shoot(page, 'phone-dark', { fullPage: true });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await page.close();
  return overflow;
}

/** What the page says to a browser that lacks something. */
async function refusal({ open, shoot }, name, prepare) {
  const page = await open({ colorScheme: 'light', prepare: (page) => page.addInitScript(prepare) });
  const said = await page.getByRole('alert').textContent();
  await shoot(page, `refusal-${name}`);
  await page.close();
  return said;
}

/** Without https, and not from localhost: no private files, no SHA-256. All else works. */
async function insecure({ open, notice, shoot }) {
  const page = await open({ insecure: true, colorScheme: 'light' });
  await page.waitForSelector('[data-ready]');
  const writeback = page.getByRole('group', { name: /Write back/ });
  const said = await writeback.textContent();
  const disabled = await writeback.getByRole('button').isDisabled();
  await page.locator('.map-empty button').first().click();
  await notice(page, 'stored in');
  await shoot(page, 'insecure-light');
  await page.getByRole('link', { name: 'Time machine' }).click();
  await page.getByRole('button', { name: 'Start recording' }).click();
  await page.waitForFunction(() => document.querySelector('.facts').dataset.id === '0');
  const facts = await page.locator('.facts').textContent();
  await page.close();
  return { said, disabled, facts };
}

export async function run(tools) {
  const overflow = await phone(tools);
  const refusals = {
    webassembly: await refusal(tools, 'webassembly', () => delete globalThis.WebAssembly),
    simd: await refusal(tools, 'simd', () => (WebAssembly.validate = () => false)),
  };
  const withoutHttps = await insecure(tools);
  const page = await tools.open({ colorScheme: 'dark' });
  await page.getByRole('button', { name: /light and dark/ }).click();
  const theme = await page.locator('html').getAttribute('data-theme');
  const policy = await page.locator('meta[http-equiv=Content-Security-Policy]').getAttribute('content');
  const header = (await page.request.get(page.url())).headers()['content-security-policy'];
  // Not at once: what playwright evaluates itself is exempt from the policy.
  const evaluated = await page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve));
    try {
      return new Function('return "evaluated"')();
    } catch (error) {
      return error.name;
    }
  });
  const unnamed = await page.evaluate(() =>
    [...document.querySelectorAll('button, input, select, canvas:not(.chart *)')]
      .filter((element) => !element.labels?.length && !element.ariaLabel && !element.textContent.trim())
      .map((element) => element.outerHTML),
  );
  await page.close();
  return { overflow, refusals, withoutHttps, theme, policy, header, evaluated, unnamed };
}
