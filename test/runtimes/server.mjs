/** Serves a folder to a browser on this machine, and takes what its pages report. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';

const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};
const SLEEP_MS = 1000;

export class PageServer {
  /** Called with each result, and with undefined at the end of a page. */
  #report = () => {};
  #server;
  /** Addresses for a page that asks which to show next, and the answers that wait for one. */
  #next = [];
  #waiting = [];

  constructor(folder) {
    this.#server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url, 'http://localhost');
      if (request.method === 'POST') void this.#take(pathname, request, response);
      else if (pathname === '/next') this.#wait(response);
      else if (pathname === '/sleep') setTimeout(() => response.end(), SLEEP_MS);
      else serve(path.join(folder, path.normalize(pathname)), searchParams.has('isolated'), request, response);
    });
  }

  /** @returns the address, without a slash at its end */
  async listen() {
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /**
   * Collects what a page reports until it says that it is done.
   * @param start opens it
   * @param clock milliseconds of processor time so far: each result gets its own
   */
  async collect(start, millisecondsMax, clock = () => 0) {
    let used = 0;
    const results = [];
    let timer;
    const late = new Promise((_, reject) => {
      const message = () => `the page was silent for ${millisecondsMax / 1000} s after ${results.length} results`;
      const restart = () => {
        clearTimeout(timer);
        timer = setTimeout(() => reject(new Error(message())), millisecondsMax);
      };
      restart();
      this.#report = (result) => {
        restart();
        const now = clock();
        if (result?.name) results.push({ ...result, cpu: now - used });
        used = now;
      };
    });
    const done = new Promise((resolve) => {
      const add = this.#report;
      this.#report = (result) => (result ? add(result) : resolve());
    });
    try {
      await Promise.race([done, late, start()]);
    } catch (error) {
      results.push({ name: 'the page', error: String(error), milliseconds: 0 });
    } finally {
      clearTimeout(timer);
    }
    return results;
  }

  /** Has the page that asks for it show an address. */
  show(address) {
    this.#next.push(address);
    this.#answer();
  }

  #wait(response) {
    this.#waiting.push(response);
    this.#answer();
  }

  #answer() {
    while (this.#next.length > 0 && this.#waiting.length > 0) this.#waiting.shift().end(this.#next.shift());
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #take(pathname, request, response) {
    const body = await text(request);
    response.end();
    if (pathname === '/begin') this.#report({});
    if (pathname === '/result') this.#report(JSON.parse(body));
    if (pathname === '/done') this.#report(undefined);
  }
}

/** Where a page is isolated, so are the workers that it starts: their scripts are served alike. */
function serve(file, asked, request, response) {
  if (!existsSync(file) || !statSync(file).isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.setHeader('content-type', TYPES[path.extname(file)] ?? 'application/octet-stream');
  if (asked || request.headers.referer?.includes('isolated') || request.headers['sec-fetch-dest'] === 'worker') {
    response.setHeader('cross-origin-opener-policy', 'same-origin');
    response.setHeader('cross-origin-embedder-policy', 'require-corp');
  }
  createReadStream(file).pipe(response);
}
