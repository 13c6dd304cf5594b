/** A database, forked live: SQL runs in one of the branches, and the map shows which of its pages the others have too. */
import type { Answer, Branch, Branches, ForksCalls, ForksEvents } from '../forks/protocol.js';
import { PageMap } from '../map/page-map.js';
import { card, h, uniqueId } from '../ui/dom.js';
import { bytes, count, milliseconds, times } from '../ui/format.js';
import type { WorkerClient } from '../workers/rpc.js';

const BRANCHES_MAX = 12;
const EXAMPLES: readonly (readonly [label: string, sql: string])[] = [
  [
    'Sales by city',
    'SELECT city, count(*) AS sold, round(sum(price)) AS total\nFROM purchase GROUP BY city ORDER BY total DESC',
  ],
  ['Raise prices in Oslo', "UPDATE purchase SET price = price * 2\nWHERE city = 'Oslo' AND id < 5000"],
  ['Delete a third', 'DELETE FROM purchase WHERE id > 40000;\nVACUUM'],
  ['Fill with zeros', 'CREATE TABLE IF NOT EXISTS blank (data BLOB);\nINSERT INTO blank VALUES (zeroblob(400000))'],
];

export class ForksView {
  readonly element: HTMLElement;
  readonly map: PageMap;
  readonly #worker: () => WorkerClient<ForksCalls, ForksEvents>;
  readonly #branches = h('div', { class: 'branches', role: 'group', 'aria-label': 'Branches' });
  readonly #sql = h('textarea', { id: uniqueId('sql'), rows: 5, spellcheck: 'false', class: 'sql' }, EXAMPLES[0]![1]);
  readonly #status = h('p', { class: 'notice-text', role: 'status' }, '');
  readonly #result = h('div', { class: 'table-scroll result', tabindex: 0, role: 'region', 'aria-label': 'Rows' });
  readonly #headline = h('strong', { class: 'ratio' }, '–');
  readonly #sentence = h('p', { class: 'sentence' }, 'There is no database yet.');
  readonly #buttons: readonly HTMLButtonElement[];
  readonly #remove: HTMLButtonElement;
  #list: readonly Branch[] = [];
  #chosen = 0;
  #last = Promise.resolve();

  constructor(worker: () => WorkerClient<ForksCalls, ForksEvents>) {
    this.#worker = worker;
    this.map = new PageMap({
      label: 'Map of the pages of a database',
      describe: (page) => `at ${bytes(page * 4096)} of ${this.#branch?.name ?? 'the database'}`,
      categories: ['same', 'compressed', 'merged', 'huge'],
      labels: {
        compressed: { label: 'its own', help: 'No other branch has this page; darker is larger' },
        merged: { label: 'shared', help: 'Another branch has the same page: it is held once' },
      },
      empty: h(
        'div',
        { class: 'map-empty' },
        h('p', { class: 'map-empty-title' }, 'A database, forked live'),
        h('p', {}, 'SQLite on compressed pages. A fork copies nothing: change it, and see which pages become its own.'),
        h('button', { type: 'button', class: 'primary', onclick: () => void this.#begin() }, 'Make a database'),
      ),
    });
    const button = (label: string, run: () => Promise<void>, primary = false): HTMLButtonElement =>
      h(
        'button',
        { type: 'button', disabled: true, class: primary ? 'primary' : undefined, onclick: () => void this.#try(run) },
        label,
      );
    this.#remove = button('Remove', () => this.#removeChosen());
    this.#buttons = [
      button('Fork', () => this.#fork(false), true),
      button('Snapshot, read-only', () => this.#fork(true)),
      button('Run', () => this.#run(), true),
      ...EXAMPLES.map(([label, sql]) =>
        button(label, () => {
          this.#sql.value = sql;
          return this.#run();
        }),
      ),
    ];
    const [fork, snapshot, run, ...examples] = this.#buttons;
    this.#sql.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || this.#list.length === 0) return;
      event.preventDefault();
      void this.#try(() => this.#run());
    });
    this.element = h(
      'div',
      { class: 'view map-view', hidden: true },
      card('A database and its forks', this.#branches, this.#status, this.map.element),
      h(
        'div',
        { class: 'controls' },
        card('This branch', h('div', { class: 'buttons' }, fork, snapshot, this.#remove)),
        card(
          'SQL',
          h('label', { for: this.#sql.id, class: 'hint' }, 'Runs in the chosen branch; Ctrl and Enter run it, too.'),
          this.#sql,
          h('div', { class: 'buttons' }, run),
          h('div', { class: 'buttons examples', role: 'group', 'aria-label': 'Examples' }, ...examples),
        ),
        card('Held once', h('div', { class: 'headline' }, this.#headline, this.#sentence)),
      ),
      card('Rows', this.#result),
    );
    this.#showRows(undefined);
  }

  get #branch(): Branch | undefined {
    return this.#list.find(({ id }) => id === this.#chosen);
  }

  async #begin(): Promise<void> {
    this.#status.textContent = 'The database is being filled …';
    await this.#try(async () => {
      if (this.#list.length > 0) return; // asked for twice
      const branches = await this.#worker().call('start');
      this.#chosen = branches.list[0]!.id;
      await this.#show(branches);
      this.#status.textContent = `A database of ${bytes(this.#branch!.bytes)}. Fork it, and change the fork.`;
    });
  }

  async #fork(frozen: boolean): Promise<void> {
    const made = await this.#worker().call('fork', { branch: this.#chosen, frozen });
    this.#chosen = made.id;
    await this.#show(made);
    this.#status.textContent = `${frozen ? 'Frozen' : 'Forked'} in ${milliseconds(made.milliseconds)}: every page is shared.`;
  }

  async #removeChosen(): Promise<void> {
    if (this.#list.length < 2) return;
    const branches = await this.#worker().call('remove', this.#chosen);
    this.#chosen = branches.list.at(-1)!.id;
    await this.#show(branches);
    this.#status.textContent = 'Removed. What only it had is free again.';
  }

  async #choose(id: number): Promise<void> {
    this.#chosen = id;
    await this.#show(await this.#worker().call('branches'));
  }

  async #run(): Promise<void> {
    const answer = await this.#worker().call('run', { branch: this.#chosen, sql: this.#sql.value });
    this.#showRows(answer);
    await this.#show(await this.#worker().call('branches'));
    const what =
      answer.columns.length > 0 ? count(answer.rowCount, 'row') : count(answer.changes, 'row changed', 'rows changed');
    this.#status.textContent = `${what} in ${milliseconds(answer.milliseconds)}.`;
  }

  /** One thing after the other, as they were asked for; what goes wrong is told. */
  #try(run: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(run).catch((error: unknown) => {
      this.#status.textContent = (error as Error).message;
    });
    return this.#last;
  }

  async #show({ list, heldBytes }: Branches): Promise<void> {
    this.#list = list;
    const all = list.reduce((sum, branch) => sum + branch.bytes, 0);
    this.#headline.textContent = times(all / heldBytes);
    this.#headline.dataset['held'] = String(heldBytes);
    this.#sentence.textContent = `${count(list.length, 'database')} of ${bytes(all)} in ${bytes(heldBytes)}, tables and all`;
    this.#branches.replaceChildren(
      ...list.map(({ id, name, frozen, ownBytes }) =>
        h(
          'button',
          {
            type: 'button',
            class: 'branch',
            'aria-pressed': String(id === this.#chosen),
            onclick: () => void this.#try(() => this.#choose(id)),
          },
          h('span', {}, `${name}${frozen ? ' ❄' : ''}`),
          h('span', { class: 'hint' }, `${bytes(ownBytes)} its own`),
        ),
      ),
    );
    for (const button of this.#buttons) button.disabled = false;
    for (const button of this.#buttons.slice(0, 2)) button.disabled = list.length >= BRANCHES_MAX;
    this.#remove.disabled = list.length < 2;
    this.map.update(await this.#worker().call('pages', this.#chosen));
  }

  #showRows(answer: Answer | undefined): void {
    const { columns = [], rows = [] } = answer ?? {};
    if (columns.length === 0) {
      this.#result.replaceChildren(h('p', { class: 'hint' }, 'Rows of a query come here.'));
      return;
    }
    const head = h('tr', {}, ...columns.map((name) => h('th', { scope: 'col' }, name)));
    const body = rows.map((row) => h('tr', {}, ...row.map((value) => h('td', {}, value))));
    this.#result.replaceChildren(h('table', {}, h('thead', {}, head), h('tbody', {}, ...body)));
  }
}
