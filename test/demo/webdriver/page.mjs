/**
 * The part of Playwright's pages and locators that the scenarios use, on WebDriver's commands: so the same scenarios run in
 * browsers that Playwright does not drive.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';

const FIND = readFileSync(new URL('find.js', import.meta.url), 'utf8');
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
const STEP_MS_MAX = 150_000;
const POLL_MS = 100;
const KEYS = { Home: '\uE011', End: '\uE010', ArrowLeft: '\uE012', ArrowUp: '\uE013', ArrowRight: '\uE014' };

const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A name or text to look for, as JSON. */
const pattern = (value, exact = false) =>
  value instanceof RegExp ? { source: value.source, flags: value.flags } : { string: value, exact };

/** Repeats until there is a result other than undefined. */
async function until(what, attempt) {
  const deadline = Date.now() + STEP_MS_MAX;
  let last;
  for (;;) {
    try {
      const result = await attempt();
      if (result !== undefined && result !== null) return result;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${STEP_MS_MAX / 1000} s${last ? `: ${last}` : ''}`);
    await later(POLL_MS);
  }
}

class Locator {
  #page;
  #steps;

  constructor(page, steps) {
    this.#page = page;
    this.#steps = steps;
  }

  #with(step) {
    return new Locator(this.#page, [...this.#steps, step]);
  }

  locator = (css, { hasText } = {}) => {
    const found = this.#with({ css });
    return hasText === undefined ? found : found.filter({ hasText });
  };
  getByRole = (role, { name, exact } = {}) => this.#with({ role, ...(name && { name: pattern(name, exact) }) });
  getByLabel = (label) => this.#with({ label: pattern(label) });
  filter = ({ hasText }) => this.#with({ text: pattern(hasText) });
  nth = (nth) => this.#with({ nth });
  first = () => this.nth(0);

  /** Runs a function with the elements, and with what else it is to know. */
  evaluateAll(use, argument) {
    return this.#page.run(`return (${use})(find(given.steps), given.argument);`, { steps: this.#steps, argument });
  }

  /** As soon as there is one: the result of a function with the first element. */
  #first(use, argument) {
    return until(JSON.stringify(this.#steps), async () => {
      const code = `const [element] = find(given.steps);
        return element === undefined ? undefined : { result: (${use})(element, given.argument) };`;
      return this.#page.run(code, { steps: this.#steps, argument });
    }).then(({ result }) => result);
  }

  evaluate = (use, argument) => this.#first(use, argument);
  textContent = () => this.#first((element) => element.textContent);
  getAttribute = (name) => this.#first((element, of) => element.getAttribute(of), name);
  isDisabled = () => this.#first((element) => element.disabled);
  focus = () => this.#first((element) => element.focus());
  allTextContents = () => this.evaluateAll((elements) => elements.map(({ textContent }) => textContent));

  async waitFor() {
    await this.#reference((element) => element.getClientRects().length > 0);
  }

  /** WebDriver's name for the first element, once a condition is true. */
  #reference(isReady = () => true) {
    return until(JSON.stringify(this.#steps), async () => {
      const code = `const [element] = find(given.steps);
        return element !== undefined && (${isReady})(element) ? element : undefined;`;
      const reference = await this.#page.run(code, { steps: this.#steps });
      return reference?.[ELEMENT];
    });
  }

  async click() {
    await until(`a click on ${JSON.stringify(this.#steps)}`, async () => {
      const id = await this.#reference((element) => element.getClientRects().length > 0 && !element.disabled);
      await this.#page.driver.send('click', { id });
      return true;
    });
  }

  tap = () => this.click();

  async setInputFiles(files) {
    const id = await this.#reference();
    await this.#page.driver.send('sendKeys', { id, text: [files].flat().join('\n') });
  }

  /** As a person that has chosen or typed a value. */
  #enter(value) {
    return this.#first((element, text) => {
      const option = Array.from(element.options ?? []).find((each) => each.value === text || each.label === text);
      element.focus();
      element.value = option ? option.value : text;
      for (const name of ['input', 'change']) element.dispatchEvent(new Event(name, { bubbles: true }));
    }, value);
  }

  fill = (value) => this.#enter(value);
  selectOption = (value) => this.#enter(value);
}

export class Page {
  driver;
  #address;
  #downloads;

  #collect;

  /** @param downloads gives the next file that the browser has loaded down @param collect takes what went wrong in the page */
  constructor(driver, address, downloads, collect) {
    this.driver = driver;
    this.#address = address;
    this.#downloads = downloads;
    this.#collect = collect;
  }

  /** Runs code, which may wait, with `given` and `find`. @returns what it returns */
  async run(code, given = {}) {
    const script = `const [given, done] = arguments;
      ${FIND}
      (async () => { ${code} })().then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    const { value, error } = await this.driver.send('execute', { script, args: [given] });
    if (error) throw new Error(error);
    return value;
  }

  #root = () => new Locator(this, []);
  locator = (css, options) => this.#root().locator(css, options);
  getByRole = (role, options) => this.#root().getByRole(role, options);
  getByLabel = (label) => this.#root().getByLabel(label);
  waitForSelector = (css) => this.locator(css).first().waitFor();
  evaluate = (use, argument) => this.run(`return (${use})(given.argument);`, { argument });
  waitForFunction = (use, argument) =>
    until(String(use), async () => (await this.evaluate(use, argument)) || undefined);
  url = () => this.#address;
  request = { get: async (address) => ({ headers: async () => Object.fromEntries((await fetch(address)).headers) }) };

  /** Made where it is used: what one script leaves behind, the next may not find. */
  evaluateHandle = async (use, argument) => ({ use: String(use), argument });

  dispatchEvent(css, name, { dataTransfer }) {
    return this.run(
      `const [element] = find([{ css: given.css }]);
      const dataTransfer = (${dataTransfer.use})(given.argument);
      element.dispatchEvent(new DragEvent(given.name, { bubbles: true, cancelable: true, dataTransfer }));`,
      { css, name, argument: dataTransfer.argument },
    );
  }

  keyboard = {
    press: async (key) => {
      const value = KEYS[key] ?? key;
      const actions = ['keyDown', 'keyUp'].map((type) => ({ type, value }));
      await this.driver.send('actions', { actions: [{ type: 'key', id: 'keyboard', actions }] });
    },
  };

  async screenshot({ path }) {
    await writeFile(path, Buffer.from(await this.driver.send('screenshot', { full: false }), 'base64'));
  }

  async waitForEvent() {
    return this.#downloads();
  }

  async close() {
    await this.#collect(this);
    await this.driver.send('navigate', { url: 'about:blank' });
  }
}
