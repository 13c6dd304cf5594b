/**
 * Opens pages of the consumer's folder in Chromium. Arguments: the browser, then the pages as JSON. Prints, for each page, what it logged and everything that went wrong, as JSON. A process of its
 * own, since playwright-core wants a Node that jest has not touched.
 */
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { chromium } from 'playwright-core';

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};
// A page takes 2 seconds at most on a machine of its own; this is for one that others keep busy.
const DONE_MS_MAX = 90_000;

const [executablePath, json] = process.argv.slice(2);

let csp = '';
let isolated = false;
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  const file = path.join(process.cwd(), pathname.endsWith('/') ? `${pathname}index.html` : pathname);
  if (!existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.setHeader('content-type', TYPES[path.extname(file)] ?? 'application/octet-stream');
  response.setHeader('content-security-policy', csp);
  if (isolated) {
    response.setHeader('cross-origin-opener-policy', 'same-origin');
    response.setHeader('cross-origin-embedder-policy', 'require-corp');
  }
  createReadStream(file).pipe(response);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

async function open(browser, address) {
  const page = await browser.newPage();
  const problems = [];
  const unanswered = new Set();
  const logged = new Promise((resolve) => {
    setTimeout(() => {
      const workers = page.workers().map((worker) => worker.url());
      resolve(problems.push(`nothing logged: ${JSON.stringify({ workers, requests: [...unanswered] })}`));
    }, DONE_MS_MAX).unref();
    page.on('console', (message) => {
      if (message.type() === 'log') resolve(message.text());
      else problems.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => resolve(problems.push(String(error))));
    page.on('crash', () => resolve(problems.push('the page crashed')));
  });
  page.on('request', (request) => unanswered.add(request.url()));
  page.on('requestfinished', (request) => unanswered.delete(request.url()));
  page.on('requestfailed', (request) => {
    unanswered.delete(request.url());
    problems.push(`${request.url()}: ${request.failure()?.errorText}`);
  });
  await page.goto(address);
  const log = await logged;
  await page.close();
  return { log: typeof log === 'string' ? log : '', problems };
}

// Root, as in many containers, cannot have Chromium's sandbox.
const browser = await chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0 });
try {
  const results = [];
  for (const page of JSON.parse(json)) {
    ({ csp, isolated = false } = page);
    results.push(await open(browser, origin + page.path));
  }
  console.log(JSON.stringify(results));
} finally {
  await browser.close();
  server.close();
}
