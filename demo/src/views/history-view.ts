/** The history: programs run, their memory is kept every second, and a slider goes through time. */
import type { Finding, HistoryCalls, HistoryEvents, SelectedState, StateSummary } from '../history/protocol.js';
import { PageMap } from '../map/page-map.js';
import { Chart } from '../ui/chart.js';
import { card, field, h, select, uniqueId } from '../ui/dom.js';
import { bytes, count, milliseconds, percent, times, whole } from '../ui/format.js';
import type { WorkerClient } from '../workers/rpc.js';

const CHART_HEIGHT = 240;
const LOG_LINES = 8;
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const FINDINGS: readonly (readonly [Finding, string])[] = [
  ['dedup', 'while they are stored (inline dedup)'],
  ['merge', 'by merging after each state'],
  ['none', 'not at all: compression alone'],
];

export class HistoryView {
  readonly element: HTMLElement;
  readonly #worker: () => WorkerClient<HistoryCalls, HistoryEvents>;
  readonly map: PageMap;
  readonly #chart = new Chart({
    label: 'Bytes of all states, raw and as they are held',
    height: CHART_HEIGHT,
    x: { label: 'state', format: String, steps: WHOLE_STEPS },
    lines: [
      { label: 'raw', colour: '--line-orig', dash: [6, 4] },
      { label: 'held', colour: '--line-held' },
    ],
  });
  readonly #states: StateSummary[] = [];
  readonly #slider = h('input', { type: 'range', min: 0, max: 0, value: 0, disabled: true, id: uniqueId('slider') });
  readonly #time = h('output', { for: this.#slider.id, class: 'time' }, '–');
  readonly #start = h(
    'button',
    { type: 'button', class: 'primary', onclick: () => void this.#begin() },
    'Start recording',
  );
  readonly #pause = h('button', { type: 'button', disabled: true, onclick: () => void this.#togglePause() }, 'Pause');
  readonly #rewind = h(
    'button',
    { type: 'button', disabled: true, onclick: () => void this.#rewindHere() },
    'Let the programs go on from here',
  );
  readonly #headline = h('strong', { class: 'ratio' }, '–');
  readonly #sentence = h('p', { class: 'sentence' }, 'No state has been kept yet.');
  readonly #facts = h('p', { class: 'facts', 'aria-live': 'polite' }, '');
  readonly #status = h('p', { class: 'notice-text', role: 'status' }, '');
  readonly #log = h('ol', { class: 'log', 'aria-label': 'What the programs do' });
  #selected: SelectedState | undefined;
  /** The slider stays with the newest state until a person moves it. */
  #follows = true;
  #running = false;
  #asked = -1;
  #busy = false;
  #programs = 2;
  #finding: Finding = 'dedup';
  #listening = false;

  constructor(worker: () => WorkerClient<HistoryCalls, HistoryEvents>) {
    this.#worker = worker;
    this.map = new PageMap({
      label: 'Map of the pages of one state',
      describe: (page) => this.#describe(page),
      categories: ['changed', 'same', 'compressed', 'merged', 'huge'],
      empty: h(
        'div',
        { class: 'map-empty' },
        h('p', { class: 'map-empty-title' }, 'A time machine for programs'),
        h('p', {}, 'SQLite, compiled to WebAssembly, works in a worker. Once a second all of its memory is kept.'),
        h(
          'button',
          { type: 'button', class: 'primary', onclick: () => void this.#begin() },
          'Record two programs at work',
        ),
      ),
    });
    this.#slider.addEventListener('input', () => {
      this.#follows = this.#slider.valueAsNumber === this.#states.length - 1;
      this.#ask(this.#slider.valueAsNumber);
    });
    this.element = h(
      'div',
      { class: 'view map-view', hidden: true },
      card(
        'Memory through time',
        h('div', { class: 'slider-row' }, h('label', { for: this.#slider.id }, 'State'), this.#slider, this.#time),
        this.#facts,
        this.map.element,
      ),
      h(
        'div',
        { class: 'controls' },
        card(
          'Recording',
          field('SQLite programs', this.#programsSelect()),
          field(
            'Equal pages are found',
            select(FINDINGS, (finding) => (this.#finding = finding)),
          ),
          h('div', { class: 'buttons' }, this.#start, this.#pause),
          this.#status,
        ),
        card(
          'Time travel',
          h(
            'p',
            { class: 'hint' },
            'The memory of the chosen state is copied back into the running programs: their databases are what they were then.',
          ),
          this.#rewind,
        ),
        card('What the programs do', this.#log),
      ),
      card(
        'Raw bytes against held bytes',
        h('div', { class: 'headline' }, this.#headline, this.#sentence),
        this.#chart.element,
      ),
    );
  }

  #programsSelect(): HTMLSelectElement {
    const programs = select(
      [
        ['1', 'one'],
        ['2', 'two'],
        ['3', 'three'],
      ],
      (value) => (this.#programs = Number(value)),
    );
    programs.value = String(this.#programs);
    return programs;
  }

  async #begin(): Promise<void> {
    const worker = this.#worker();
    this.#listen(worker);
    this.#states.length = 0;
    this.#chart.clear();
    this.#log.replaceChildren();
    this.#follows = true;
    this.#selected = undefined;
    this.#status.textContent = 'The programs are starting …';
    this.#start.disabled = true;
    try {
      await worker.call('start', { programs: this.#programs, finding: this.#finding });
      this.#setRunning(true);
      this.#status.textContent = 'A state is kept every second.';
    } catch (error) {
      this.#status.textContent = (error as Error).message;
    }
    this.#start.textContent = 'Start again';
    this.#start.disabled = false;
  }

  async #togglePause(): Promise<void> {
    await this.#worker().call(this.#running ? 'pause' : 'resume');
    this.#setRunning(!this.#running);
    this.#status.textContent = this.#running ? 'A state is kept every second.' : 'Paused.';
  }

  #setRunning(running: boolean): void {
    this.#running = running;
    this.#pause.disabled = false;
    this.#pause.textContent = running ? 'Pause' : 'Go on';
  }

  async #rewindHere(): Promise<void> {
    const id = this.#slider.valueAsNumber;
    const { rows } = await this.#worker().call('rewind', id);
    this.#status.textContent = `The programs have the memory of state ${id} again: ${count(rows, 'purchase')} in their tables.`;
  }

  #listen(worker: WorkerClient<HistoryCalls, HistoryEvents>): void {
    if (this.#listening) return;
    this.#listening = true;
    worker.on('state', (state) => this.#add(state));
    worker.on('ended', ({ reason }) => {
      this.#setRunning(false);
      this.#status.textContent = `The recording has ended: ${reason}`;
    });
  }

  #add(state: StateSummary): void {
    this.#states[state.id] = state;
    this.#chart.push(state.id, [state.rawBytes, state.heldBytes]);
    this.#headline.textContent = times(state.rawBytes / state.heldBytes);
    this.#sentence.textContent = `${count(state.id + 1, 'state')}: ${bytes(state.rawBytes)} of memory in ${bytes(state.heldBytes)}`;
    this.#headline.dataset['raw'] = String(state.rawBytes);
    this.#headline.dataset['held'] = String(state.heldBytes);
    this.#slider.max = String(state.id);
    this.#slider.disabled = this.#rewind.disabled = false;
    for (const [n, line] of state.work.entries()) {
      this.#log.prepend(h('li', {}, h('span', { class: 'log-id' }, `${state.id} · ${n + 1}`), line));
    }
    while (this.#log.children.length > LOG_LINES) this.#log.lastElementChild!.remove();
    if (this.#follows) {
      this.#slider.value = String(state.id);
      this.#ask(state.id);
    } else {
      this.#showTime();
    }
  }

  /** Shows a state; while one is on its way, only the last that was asked for comes next. */
  #ask(id: number): void {
    this.#asked = id;
    this.#showTime();
    if (!this.#busy) void this.#answer();
  }

  async #answer(): Promise<void> {
    this.#busy = true;
    while (this.#asked >= 0) {
      const id = this.#asked;
      this.#asked = -1;
      try {
        this.#selected = await this.#worker().call('select', id);
        this.map.update(this.#selected.pages);
        this.#showFacts(this.#selected);
      } catch (error) {
        this.#facts.textContent = (error as Error).message;
      }
    }
    this.#busy = false;
  }

  #showTime(): void {
    const id = this.#slider.valueAsNumber;
    this.#time.textContent = `${id} of ${this.#states.length - 1}`;
    this.#slider.setAttribute('aria-valuetext', `state ${id} of ${this.#states.length - 1}`);
  }

  #showFacts({ id, identical, sha256, milliseconds: taken }: SelectedState): void {
    const state = this.#states[id];
    if (state === undefined) return;
    const check =
      sha256 === undefined
        ? 'not checked: SHA-256 is there only over https or from localhost'
        : identical
          ? `identical (SHA-256 ${sha256.slice(0, 12)}…)`
          : 'and it is NOT what was stored';
    this.#facts.textContent = `State ${id}: ${count(state.rows, 'purchase')}, ${whole(state.changedPages)} of ${count(state.pages, 'page')} changed (${percent(state.changedPages, state.pages)}), kept in ${milliseconds(state.milliseconds)}; read back in ${milliseconds(taken)}, ${check}.`;
    this.#facts.dataset['identical'] = String(identical);
    this.#facts.dataset['id'] = String(id);
  }

  #describe(page: number): string {
    const program = this.#selected?.programs.find(
      ({ firstPage, pages }) => page >= firstPage && page < firstPage + pages,
    );
    return program === undefined
      ? 'of no program'
      : `at ${bytes((page - program.firstPage) * 4096)} of ${program.name}`;
  }
}
