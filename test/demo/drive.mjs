/**
 * Drives the demo's production build in a browser. On standard input, as JSON: its name, Chromium's place, the scenario's name, where
 * pictures go, and what the scenario is to know. Prints what it found and everything that went wrong, as JSON. A process of
 * its own, since neither Vite nor playwright-core likes a Node that jest has touched.
 */
import { mkdir } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startBrowser } from './webdriver/browsers.mjs';
import { preview } from '../../demo/node_modules/vite/dist/node/index.js';

const FLAGS =
  '--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
const STEP_MS_MAX = 60_000;
/** This machine by a name for which browsers grant no more than to any page without https. */
const INSECURE_HOST = 'demo.test';

const { name, chromium: executablePath, scenario, screenshots, input } = JSON.parse(await text(process.stdin));
const { run } = await import(`./scenarios/${scenario}.mjs`);
await mkdir(screenshots, { recursive: true });

const server = await preview({
  root: fileURLToPath(new URL('../../demo', import.meta.url)),
  logLevel: 'silent',
  preview: { port: 0, host: '127.0.0.1', allowedHosts: [INSECURE_HOST] },
});
const problems = [];
const [address] = server.resolvedUrls.local;
const { browser, open, close } = await (name === 'Chromium' ? startChromium() : startBrowser(name, address, problems));

async function startChromium() {
  // Root, as in many containers, cannot have Chromium's sandbox.
  const browser = await chromium.launch({
    executablePath,
    chromiumSandbox: process.getuid?.() !== 0,
    args: [...FLAGS.split(' '), `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`],
  });
  return { browser, open: (options) => openInChromium(browser, options), close: () => browser.close() };
}

/** A page of the demo in a profile of its own; `prepare` may change it before the demo begins. */
async function openInChromium(browser, { hash = '', insecure = false, prepare, ...options } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1400, height: 1000 },
    acceptDownloads: true,
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS_MAX);
  page.on('console', (message) => {
    if (message.type() !== 'log') problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('requestfailed', (request) => problems.push(`${request.url()}: ${request.failure()?.errorText}`));
  await prepare?.(page);
  await page.goto((insecure ? address.replace('127.0.0.1', INSECURE_HOST) : address) + hash);
  return page;
}

/** Waits until the line under the map's title says what is expected. */
async function notice(page, pattern) {
  const line = page.locator('.view:not([hidden]) [role=status]').filter({ hasText: pattern }).first();
  await line.waitFor();
  return line.textContent();
}

const shoot = (page, name, options = {}) => page.screenshot({ path: `${screenshots}/${name}.png`, ...options });

try {
  const result = await run({ browser, open, notice, shoot, input });
  console.log(JSON.stringify({ result, problems }));
} finally {
  await close();
  await server.close();
}
