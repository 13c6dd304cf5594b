/**
 * Opens a report of `analyze --html` in Chromium, from its file, and says what is drawn. Arguments: the browser, the file.
 * A process of its own, since playwright-core does not like a Node that jest has touched.
 */
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const FLAGS = '--disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync';
const [executablePath, file, screenshot] = process.argv.slice(2);
const address = pathToFileURL(file).href;

/** Run in the page. */
const look = () => {
  const colours = (canvas) => {
    const { width, height } = canvas;
    // A copy: reading the page's own canvas would make Chromium warn of what the page does not do.
    const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, width, height);
    const counts = {};
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] === 0) continue;
      const colour = data.slice(at, at + 3).join(' ');
      counts[colour] = (counts[colour] ?? 0) + 1;
    }
    return counts;
  };
  const map = document.getElementById('map');
  return {
    map: { width: map.width, height: map.height, colours: colours(map) },
    note: document.getElementById('map-note').textContent,
    legend: Object.fromEntries(
      [...document.querySelectorAll('#legend li')].map(({ dataset }) => [dataset.category, Number(dataset.pages)]),
    ),
    plots: Object.fromEntries(
      ['sizes', 'memory', 'classes'].map((id) => {
        const canvas = document.querySelector(`#${id} canvas`);
        return [id, canvas === null ? 0 : Object.keys(colours(canvas)).length];
      }),
    ),
    labels: [...document.querySelectorAll('.u-label')].map((one) => one.textContent),
    algorithms: [...document.querySelectorAll('#algorithm option')].map((one) => one.textContent),
    report: document.getElementById('report').textContent,
    injected: document.querySelectorAll('img, b, iframe').length,
  };
};

// Root, as in many containers, cannot have Chromium's sandbox.
const browser = await chromium.launch({
  executablePath,
  chromiumSandbox: process.getuid?.() !== 0,
  args: FLAGS.split(' '),
});
const problems = [];
const requests = [];
try {
  const page = await browser.newPage({ viewport: { width: 1000, height: 900 } });
  page.on('console', (message) => problems.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(address);
  await page.waitForSelector('html[data-drawn]', { state: 'attached', timeout: 50_000 });
  const first = await page.evaluate(look);
  await page.hover('#map', { position: { x: 2, y: 2 } });
  const under = await page.textContent('#under');
  if (screenshot !== undefined) await page.screenshot({ path: screenshot, fullPage: true });
  await page.selectOption('#algorithm', { index: first.algorithms.length - 1 });
  const last = await page.evaluate(look);
  // What is not drawn from the file itself: nothing.
  const others = requests.filter((url) => url !== address && !url.startsWith('data:'));
  console.log(JSON.stringify({ first, under, last, problems, others }));
} finally {
  await browser.close();
}
