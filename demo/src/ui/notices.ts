/** What has just happened, and what is going on: one line for screen and screen reader, and a progress bar. */
import type { Progress } from '../engine/protocol.js';
import { h } from './dom.js';
import { bytes, rate } from './format.js';

export class Notices {
  readonly element: HTMLElement;
  readonly #text = h('p', { class: 'notice-text', role: 'status' }, '');
  readonly #bar = h('progress', { max: 1, value: 0, 'aria-label': 'Progress' });
  readonly #cancel = h('button', { type: 'button', class: 'tool-wide' }, 'Stop');

  constructor(oncancel: () => void) {
    this.#cancel.addEventListener('click', oncancel);
    this.element = h('div', { class: 'notices' }, this.#text, this.#bar, this.#cancel);
    this.#set('Nothing is stored yet: drop files, or try the memory of programs at work.', 'info');
  }

  say(text: string): void {
    this.#set(text, 'info');
  }

  fail(text: string): void {
    this.#set(text, 'error');
  }

  start(text: string): void {
    this.#set(text, 'info');
    this.#bar.removeAttribute('value');
    this.#busy(true);
  }

  progress({ what, done, total, rate: speed }: Progress): void {
    const part = total > 0 ? Math.min(1, done / total) : 0;
    this.#bar.value = part;
    this.#text.textContent =
      what === 'Merging'
        ? `${what}: ${Math.round(part * 100)} %`
        : `${what}: ${bytes(done)} of ${bytes(total)}, ${rate(speed)}`;
  }

  #set(text: string, kind: 'info' | 'error'): void {
    this.#busy(false);
    this.element.dataset['kind'] = kind;
    this.#text.textContent = text;
  }

  #busy(on: boolean): void {
    this.#bar.hidden = this.#cancel.hidden = !on;
    this.element.setAttribute('aria-busy', String(on));
  }
}
