/**
 * Stands in front of the demo's server: the page gets a script before its own, which WebDriver by itself cannot do. It sets
 * what a browser is to prefer, and notes everything that goes wrong.
 */
import { createServer } from 'node:http';

const NOTE = `
  globalThis.zramProblems = [];
  for (const name of ['warn', 'error']) {
    const said = console[name];
    console[name] = (...values) => {
      globalThis.zramProblems.push(name + ': ' + values.join(' '));
      said.apply(console, values);
    };
  }
  for (const name of ['error', 'unhandledrejection', 'securitypolicyviolation']) {
    addEventListener(name, (event) => {
      const { reason, message, blockedURI } = event;
      globalThis.zramProblems.push(name + ': ' + String(reason ?? message ?? blockedURI));
    });
  }
`;

export class Front {
  /** The script of the next page. */
  #script = '';
  #server;

  constructor(address) {
    this.#server = createServer(async (request, response) => {
      if (request.url === '/before.js') {
        response.setHeader('content-type', 'text/javascript');
        response.end(this.#script);
        return;
      }
      const answer = await fetch(new URL(request.url, address));
      const headers = Object.fromEntries(answer.headers);
      for (const name of ['content-length', 'content-encoding', 'transfer-encoding', 'connection'])
        delete headers[name];
      const body = Buffer.from(await answer.arrayBuffer());
      const isPage = headers['content-type']?.startsWith('text/html');
      response.writeHead(answer.status, headers);
      response.end(isPage ? String(body).replace('</title>', '</title><script src="/before.js"></script>') : body);
    });
  }

  async listen() {
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${this.#server.address().port}/`;
  }

  /** @param theme light or dark @param functions run before the page's own scripts */
  prepare(theme, functions) {
    const calls = functions.map((each) => `(${each})();`).join('\n');
    this.#script = `${NOTE}\nlocalStorage.setItem('zram-wasm-theme', '${theme}');\n${calls}`;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
