/** WebDriver over HTTP, by which WebKitGTK's driver is asked. */
const TRY_MS = 200;
const TRIES_MAX = 50;

/** WebDriver's commands: paths below the session, with what goes from the parameters into them. */
const COMMANDS = {
  setTimeouts: () => 'timeouts',
  setRect: () => 'window/rect',
  navigate: () => 'url',
  execute: () => 'execute/async',
  click: ({ id }) => `element/${id}/click`,
  sendKeys: ({ id }) => `element/${id}/value`,
  actions: () => 'actions',
};

export class HttpDriver {
  #address;
  #session;

  constructor(port) {
    this.#address = `http://127.0.0.1:${port}/session`;
  }

  static async open(port) {
    for (let n = 0; ; n++) {
      try {
        await fetch(`http://127.0.0.1:${port}/status`);
        return new HttpDriver(port);
      } catch (error) {
        if (n === TRIES_MAX) throw error;
        await new Promise((resolve) => setTimeout(resolve, TRY_MS));
      }
    }
  }

  async send(command, parameters = {}) {
    if (command === 'newSession') {
      const { sessionId } = await this.#ask('POST', '', { capabilities: { alwaysMatch: parameters } });
      this.#session = sessionId;
      return undefined;
    }
    if (command === 'screenshot') return this.#ask('GET', `/${this.#session}/screenshot`);
    return this.#ask('POST', `/${this.#session}/${COMMANDS[command](parameters)}`, parameters);
  }

  async close() {
    if (this.#session) await this.#ask('DELETE', `/${this.#session}`);
  }

  async #ask(method, path, body) {
    const answer = await fetch(this.#address + path, { method, ...(body && { body: JSON.stringify(body) }) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${value.error}: ${value.message}`);
    return value;
  }
}
