/** The benchmark page: this browser, on this machine, with the rivals beside. */
import type { BenchCalls, BenchEvents, Benchmark, Contender } from '../bench/protocol.js';
import { card, h } from '../ui/dom.js';
import { milliseconds, rate, times, whole } from '../ui/format.js';
import type { WorkerClient } from '../workers/rpc.js';

export class BenchView {
  readonly element: HTMLElement;
  readonly #worker: () => WorkerClient<BenchCalls, BenchEvents>;
  readonly #results = h('div', { class: 'bench-results' });
  readonly #status = h('p', { class: 'notice-text', role: 'status' }, '');
  readonly #run = h(
    'button',
    { type: 'button', class: 'primary', onclick: () => void this.#measure() },
    'Measure this browser',
  );
  #listening = false;

  constructor(worker: () => WorkerClient<BenchCalls, BenchEvents>) {
    this.#worker = worker;
    this.element = h(
      'div',
      { class: 'view bench-view', hidden: true },
      card(
        'Benchmarks in this browser',
        h(
          'p',
          {},
          'Single pages of 4096 bytes, as zram has them, from the memory of two SQLite programs and from a program: all distinct, none same-filled. ' +
            'Contenders take turns; each bar is the median of five rounds. It takes some ten seconds.',
        ),
        h('div', { class: 'buttons' }, this.#run),
        this.#status,
        this.#results,
      ),
    );
  }

  async #measure(): Promise<void> {
    const worker = this.#worker();
    this.#listen(worker);
    this.#run.disabled = true;
    this.#results.replaceChildren();
    this.#status.textContent = 'Gathering pages …';
    try {
      const { pages, milliseconds: taken } = await worker.call('run');
      this.#status.textContent = `Done: ${whole(pages)} pages, ${milliseconds(taken)} in all.`;
    } catch (error) {
      this.#status.textContent = (error as Error).message;
    }
    this.#run.disabled = false;
  }

  #listen(worker: WorkerClient<BenchCalls, BenchEvents>): void {
    if (this.#listening) return;
    this.#listening = true;
    worker.on(
      'started',
      ({ title, done, total }) => (this.#status.textContent = `${done + 1} of ${total}: ${title} …`),
    );
    worker.on('benchmark', (benchmark) => this.#results.append(result(benchmark)));
  }
}

function result({ id, title, text, contenders }: Benchmark): HTMLElement {
  // What saves no memory is no measure for the others: its bar may end at the edge.
  const most = Math.max(...contenders.map(({ bytesPerSecond, note }) => (note === undefined ? bytesPerSecond : 0)));
  const ours = contenders.find((contender) => contender.ours)!;
  return h(
    'section',
    { class: 'benchmark', 'data-benchmark': id },
    h('h3', {}, title),
    h('p', { class: 'hint' }, text),
    h('table', {}, h('tbody', {}, ...contenders.map((contender) => row(contender, most, ours)))),
  );
}

function row({ name, ours, bytesPerSecond, note }: Contender, most: number, first: Contender): HTMLElement {
  const bar = h('span', { class: ours ? 'bench-bar ours' : 'bench-bar', 'aria-hidden': 'true' });
  bar.style.width = `${Math.min(100, (100 * bytesPerSecond) / most)}%`;
  bar.classList.toggle('beyond', bytesPerSecond > most);
  const ratio = first.bytesPerSecond / bytesPerSecond;
  const compared = ours ? '' : ratio >= 1 ? `${times(ratio)} slower` : `${times(1 / ratio)} faster`;
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, name, note ? h('span', { class: 'hint' }, ` ${note}`) : undefined),
    h('td', { class: 'bar-cell' }, bar),
    h('td', {}, rate(bytesPerSecond)),
    h('td', { class: 'compared' }, compared),
  );
}
