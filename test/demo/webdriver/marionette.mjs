/** Marionette, by which Firefox is driven: WebDriver's commands over a socket, each message with its length before it. */
import { connect } from 'node:net';

const TRY_MS = 200;
const TRIES_MAX = 150;

/** WebDriver's commands by its names for them here. */
const COMMANDS = {
  newSession: 'WebDriver:NewSession',
  setTimeouts: 'WebDriver:SetTimeouts',
  setRect: 'WebDriver:SetWindowRect',
  navigate: 'WebDriver:Navigate',
  execute: 'WebDriver:ExecuteAsyncScript',
  click: 'WebDriver:ElementClick',
  sendKeys: 'WebDriver:ElementSendKeys',
  actions: 'WebDriver:PerformActions',
  screenshot: 'WebDriver:TakeScreenshot',
};

async function connected(port) {
  for (let n = 0; ; n++) {
    try {
      return await new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => resolve(socket)).once('error', reject);
      });
    } catch (error) {
      if (n === TRIES_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, TRY_MS));
    }
  }
}

export class Marionette {
  #socket;
  #received = Buffer.alloc(0);
  #calls = new Map();
  #id = 0;

  static async open(port) {
    const marionette = new Marionette();
    marionette.#socket = await connected(port);
    marionette.#socket.on('data', (data) => marionette.#take(data));
    marionette.#socket.on('close', () => {
      for (const { reject } of marionette.#calls.values()) reject(new Error('the browser has ended'));
    });
    return marionette;
  }

  /** @returns the command's value @throws the browser's error */
  async send(command, parameters = {}) {
    const id = ++this.#id;
    const text = JSON.stringify([0, id, COMMANDS[command], parameters]);
    const answer = new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
    this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    const result = await answer;
    return result !== null && typeof result === 'object' && 'value' in result ? result.value : result;
  }

  close() {
    this.#socket.destroy();
  }

  #take(data) {
    this.#received = Buffer.concat([this.#received, data]);
    for (;;) {
      const colon = this.#received.indexOf(':');
      const end = colon + 1 + Number(this.#received.subarray(0, Math.max(colon, 0)));
      if (colon < 0 || this.#received.length < end) return;
      const message = JSON.parse(this.#received.subarray(colon + 1, end));
      this.#received = this.#received.subarray(end);
      if (!Array.isArray(message)) continue; // its greeting
      const [, id, error, result] = message;
      const call = this.#calls.get(id);
      this.#calls.delete(id);
      if (error) call?.reject(new Error(`${error.error}: ${error.message}`));
      else call?.resolve(result);
    }
  }
}
