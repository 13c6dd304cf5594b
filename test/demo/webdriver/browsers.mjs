/** Firefox and WebKitGTK for the scenarios: started, with pages as Playwright has them. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { BROWSERS, firefoxProfile, openBrowser } from '../../runtimes/browsers.mjs';
import { Front } from './front.mjs';
import { HttpDriver } from './http.mjs';
import { Marionette } from './marionette.mjs';
import { Page } from './page.mjs';

const SCRIPT_MS_MAX = 120_000;
const DOWNLOAD_MS_MAX = 30_000;

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function startFirefox() {
  const port = await freePort();
  const settings = (folder) => ({
    'marionette.port': port,
    'browser.download.folderList': 2,
    'browser.download.dir': path.join(folder, 'Downloads'),
    'browser.download.alwaysOpenPanel': false,
  });
  const browser = {
    ...BROWSERS.Firefox,
    prepare: (folder) => firefoxProfile(folder, settings(folder)),
    args: (folder) => [...BROWSERS.Firefox.args(folder), '--marionette'],
  };
  const opened = await openBrowser(browser, 'about:blank');
  return { opened, driver: await Marionette.open(port), capabilities: {} };
}

async function startWebKit() {
  const port = await freePort();
  const { program, args } = BROWSERS.WebKitGTK;
  const browser = { ...BROWSERS.WebKitGTK, program: '/usr/bin/WebKitWebDriver', args: () => ['-p'] };
  const opened = await openBrowser(browser, String(port));
  const options = { binary: program, args: ['--automation', ...args()] };
  return { opened, driver: await HttpDriver.open(port), capabilities: { 'webkitgtk:browserOptions': options } };
}

const STARTS = { Firefox: startFirefox, WebKitGTK: startWebKit };

/** The next file that is in the folder, and does not grow. */
function downloadsOf(profile) {
  const folders = [path.join(profile, 'Downloads'), profile];
  const seen = new Set();
  const files = () =>
    folders
      .filter(existsSync)
      .flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)))
      .filter((file) => /\.zram$/.test(file) && !seen.has(file));
  return async () => {
    const deadline = Date.now() + DOWNLOAD_MS_MAX;
    let size = -1;
    for (;;) {
      const [file] = files();
      const now = file === undefined ? -1 : statSync(file).size;
      if (now > 0 && now === size) {
        seen.add(file);
        return { saveAs: (to) => copyFile(file, to) };
      }
      if (Date.now() > deadline) throw new Error('nothing was loaded down');
      size = now;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  };
}

/** Makes the page as large as the scenario wants it, whatever is around it. */
async function setViewport(driver, page, { width, height }) {
  await driver.send('setRect', { width, height });
  const inner = await page.evaluate(() => ({ width: innerWidth, height: innerHeight }));
  await driver.send('setRect', { width: 2 * width - inner.width, height: 2 * height - inner.height });
}

/** @returns `open` as the scenarios have it, and `close`; problems are pushed to the list */
export async function startBrowser(name, address, problems) {
  const { opened, driver, capabilities } = await STARTS[name]();
  await mkdir(path.join(opened.profile, 'Downloads'), { recursive: true });
  await driver.send('newSession', capabilities);
  await driver.send('setTimeouts', { script: SCRIPT_MS_MAX });
  const front = new Front(address);
  const inFront = await front.listen();
  const takeDownload = downloadsOf(opened.profile);
  const collect = async (page) => {
    const own = await page.evaluate(() => (globalThis.wrappedJSObject ?? globalThis).zramProblems ?? []);
    problems.push(...own);
  };
  return {
    async open({ hash = '', viewport = { width: 1400, height: 1000 }, colorScheme = 'light', prepare } = {}) {
      const functions = [];
      await prepare?.({ addInitScript: (script) => functions.push(script) });
      front.prepare(colorScheme, functions);
      const page = new Page(driver, inFront, takeDownload, collect);
      await setViewport(driver, page, viewport);
      await driver.send('navigate', { url: inFront + hash });
      return page;
    },
    async close() {
      await driver.close();
      front.close();
      await opened.close();
    },
  };
}
