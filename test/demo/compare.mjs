/**
 * How far pictures of the demo are from others of the same names: both are drawn small, so that layout and colours count and
 * the shapes of letters do not. Arguments: Chromium, and two folders. Prints the mean difference of each, 0 to 1, as JSON.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

const [executablePath, ...folders] = process.argv.slice(2);
const [mine, theirs] = folders.map((folder) => readdirSync(folder).filter((name) => name.endsWith('.png')));
const common = mine.filter((name) => theirs.includes(name));

/** In the page: the mean difference of two pictures, of the part that both show. */
async function difference([first, second]) {
  const CELL = 20;
  const images = await Promise.all(
    [first, second].map(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      return createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    }),
  );
  // No window is as narrow as a phone in some browsers: what is laid out otherwise is not compared.
  if (images[0].width !== images[1].width) return undefined;
  const [width, height] = ['width', 'height'].map((side) => Math.min(...images.map((image) => image[side])));
  const [a, b] = images.map((image) => {
    const canvas = new OffscreenCanvas(Math.floor(width / CELL), Math.floor(height / CELL));
    const context = canvas.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(image, 0, 0, width, height, 0, 0, canvas.width, canvas.height);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  });
  return a.reduce((sum, value, n) => sum + Math.abs(value - b[n]), 0) / a.length / 255;
}

const browser = await chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
try {
  const page = await browser.newPage();
  const differences = {};
  for (const name of common) {
    const pair = folders.map((folder) => readFileSync(path.join(folder, name)).toString('base64'));
    differences[name] = await page.evaluate(difference, pair);
  }
  console.log(JSON.stringify(differences));
} finally {
  await browser.close();
}
