/** The page map and everything about one device: data, options, work, statistics. */
import type {
  Algorithm,
  DeviceConfig,
  EngineCalls,
  EngineEvents,
  KsmdSpeed,
  Stats,
  StoreReport,
} from '../engine/protocol.js';
import type { PageType } from 'zram-wasm';
import type { HistoryCalls, HistoryEvents } from '../history/protocol.js';
import { PageMap } from '../map/page-map.js';
import { Chart } from '../ui/chart.js';
import { Classes } from '../ui/classes.js';
import { card, field, h, select, toggle } from '../ui/dom.js';
import { acceptDrops, fileChooser } from '../ui/files.js';
import { bytes, count, milliseconds, rate, whole } from '../ui/format.js';
import { Kernel } from '../ui/kernel.js';
import { Notices } from '../ui/notices.js';
import { Savings } from '../ui/savings.js';
import { Sources } from '../ui/sources.js';
import type { WorkerClient } from '../workers/rpc.js';

const SAMPLE_PROGRAMS = 2;
/** KSM's own pace, and one for the impatient. */
const KSMD_SPEEDS: Record<string, KsmdSpeed & { readonly label: string }> = {
  kernel: { label: 'KSM’s default: 100 pages, sleep 20 ms', pagesToScan: 100, sleepMillisecs: 20 },
  quick: { label: '2,000 pages, sleep 20 ms', pagesToScan: 2000, sleepMillisecs: 20 },
};
const ALGORITHMS: readonly (readonly [Algorithm, string])[] = [
  ['lz4', 'lz4: in the WebAssembly core'],
  ['deflate', 'deflate: in JavaScript; smaller, far slower'],
];
const CHAIN_SIZES = [
  ['4', '4 pages'],
  ['8', '8 pages, the kernel’s default'],
  ['16', '16 pages'],
] as const;
const REVOKE_MS = 60_000;
const CHART_HEIGHT = 220;
/** Between two points of the chart: what is stored in a second is a line, not a wall of points. */
const CHART_MS = 150;

export class MapView {
  readonly element: HTMLElement;
  readonly #engine: WorkerClient<EngineCalls, EngineEvents>;
  readonly #samples: () => WorkerClient<HistoryCalls, HistoryEvents>;
  readonly #notices: Notices;
  readonly #sources = new Sources();
  readonly #savings = new Savings();
  readonly #classes = new Classes();
  readonly #kernel = new Kernel();
  readonly #figures = new Map<string, HTMLElement>();
  readonly #chart = new Chart({
    label: 'Bytes stored, compressed and held over time',
    height: CHART_HEIGHT,
    x: { label: 'seconds', format: (value) => `${Math.round(value * 10) / 10} s` },
    lines: [
      { label: 'orig_data_size', colour: '--line-orig', dash: [6, 4] },
      { label: 'mem_used_total', colour: '--line-held' },
      { label: 'compr_data_size', colour: '--line-compr' },
    ],
  });
  readonly map: PageMap;
  readonly #controls: HTMLFieldSetElement;
  readonly #algorithm = select(ALGORITHMS, (algorithm) => this.#configure({ algorithm }));
  readonly #chainSize = select(CHAIN_SIZES, (size) => this.#configure({ chainSize: Number(size) as 4 | 8 | 16 }));
  readonly #dedup = toggle('Inline dedup', 'Look for an equal page before compressing', (on) =>
    this.#configure({ dedup: on }),
  );
  #config: DeviceConfig = { algorithm: 'lz4', chainSize: 8, dedup: false };
  #ksmdSpeed = KSMD_SPEEDS['quick']!;
  #ksmdOn = false;
  readonly #noBacking = h('p', { class: 'hint' });
  #writebackButton: HTMLButtonElement | undefined;
  #chartFrom = 0;
  #chartLast = 0;

  constructor(
    engine: WorkerClient<EngineCalls, EngineEvents>,
    samples: () => WorkerClient<HistoryCalls, HistoryEvents>,
  ) {
    this.#engine = engine;
    this.#samples = samples;
    this.#notices = new Notices(() => void engine.call('cancel'));
    const sample = (): HTMLElement =>
      h(
        'button',
        { type: 'button', class: 'primary', onclick: () => void this.#storeSample() },
        'Try the memory of two SQLites',
      );
    this.map = new PageMap({
      label: 'Map of all pages',
      describe: (page) => this.#sources.describe(page),
      categories: ['same', 'compressed', 'merged', 'huge', 'recompressed', 'writtenBack', 'idle'],
      empty: h(
        'div',
        { class: 'map-empty' },
        h('p', { class: 'map-empty-title' }, 'Drop any files here'),
        h(
          'p',
          {},
          'Memory images, save states, databases, programs. Several show what they share. They stay in this tab.',
        ),
        h(
          'div',
          { class: 'buttons' },
          fileChooser('Choose files', (files) => void this.store(files), 'primary'),
          sample(),
        ),
      ),
    });
    this.#controls = h('fieldset', { class: 'controls' }, h('legend', { class: 'visually-hidden' }, 'Data and device'));
    this.#controls.append(this.#dataCard(sample()), this.#workCard(), this.#deviceCard());
    this.element = h(
      'div',
      { class: 'view map-view' },
      card('Page map', this.#notices.element, this.map.element),
      this.#controls,
      card('What is stored', this.#sources.element),
      this.#statistics(),
    );
    acceptDrops((files) => void this.store(files));
    this.#listen();
  }

  /** Stores files behind what is there. */
  store(files: readonly File[]): Promise<void> {
    if (files.length === 0) return Promise.resolve();
    return this.#run('Storing …', async () => this.#stored(await this.#engine.call('store', files)));
  }

  // ── cards ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #dataCard(sample: HTMLElement): HTMLElement {
    return card(
      'Data',
      h('p', { class: 'hint' }, 'Files are read in pieces and stay in this tab; a gigabyte is fine.'),
      h(
        'div',
        { class: 'buttons' },
        fileChooser('Add files', (files) => void this.store(files), 'primary'),
        sample,
      ),
      h(
        'div',
        { class: 'buttons' },
        this.#button('Check', 'Read everything back and compare it, byte by byte', () => this.#verify()),
        this.#button('Clear', 'Forget everything that is stored', async () => {
          await this.#engine.call('clear');
          this.#chartFrom = 0;
          this.#chart.clear();
          return 'All is free.';
        }),
        this.#button('Save', 'Save the device, as it is compressed and merged, to a file', () => this.#save()),
        fileChooser('Load', (files) => void this.#load(files), '', false),
      ),
    );
  }

  #workCard(): HTMLElement {
    const speeds = Object.entries(KSMD_SPEEDS).map(([id, { label }]) => [id, label] as const);
    const speed = select(speeds, (id) => {
      this.#ksmdSpeed = KSMD_SPEEDS[id]!;
      if (this.#ksmdOn) void this.#setKsmd(true);
    });
    speed.value = 'quick';
    const ksmd = toggle('ksmd', 'Merges in the background, a batch at a time', (on) => void this.#setKsmd(on));
    return card(
      'Memory',
      h(
        'div',
        { class: 'buttons' },
        this.#button('Merge now', 'Store identical pages once', () => this.#merge(), 'primary'),
        this.#button('Compact now', 'Move objects together and free what becomes empty', () => this.#compact()),
      ),
      ksmd.row,
      field('Pace of ksmd', speed),
      h(
        'div',
        { class: 'buttons' },
        this.#button('Recompress', 'Pack pages again with deflate: slower, smaller', () => this.#recompress()),
        this.#button('Mark idle', 'Mark all pages as idle, until they are read or written', async () => {
          await this.#engine.call('idle');
          return 'All pages in memory are marked as idle.';
        }),
      ),
      this.#writebackRow(),
    );
  }

  #writebackRow(): HTMLElement {
    const types = [
      ['idle', 'idle pages'],
      ['huge', 'huge pages'],
      ['huge_idle', 'huge pages that are idle'],
      ['incompressible', 'what no compressor packs'],
    ] as const;
    let type: PageType = 'idle';
    const title = 'Move these pages out of memory, to a private file (OPFS)';
    const button = this.#button('Write back', title, () => this.#writeback(type));
    this.#writebackButton = button;
    const label = 'Write back to a file of the browser';
    return h(
      'div',
      { class: 'field', role: 'group', 'aria-label': label },
      h('span', { class: 'label' }, label),
      h(
        'div',
        { class: 'row' },
        select(types, (chosen) => (type = chosen), 'Which pages to write back'),
        button,
      ),
      this.#noBacking,
    );
  }

  /** Tells why nothing can be written back. */
  showBacking(obstacle: string | undefined): void {
    this.#noBacking.textContent = obstacle ?? '';
    if (this.#writebackButton) this.#writebackButton.disabled = obstacle !== undefined;
  }

  #deviceCard(): HTMLElement {
    return card(
      'Device',
      h('p', { class: 'hint' }, 'A change makes a new device and stores everything again.'),
      field('Compressor', this.#algorithm),
      field('Zspages chain up to', this.#chainSize),
      this.#dedup.row,
    );
  }

  #statistics(): HTMLElement {
    const figure = (id: string, label: string): HTMLElement => {
      const value = h('dd', { 'data-figure': id }, '–');
      this.#figures.set(id, value);
      return h('div', {}, h('dt', {}, label), value);
    };
    const figures = h(
      'dl',
      { class: 'figures' },
      figure('store', 'stored at'),
      figure('engine', 'stored at, engine alone'),
      figure('merge', 'merged at'),
      figure('reserved', 'WebAssembly memory'),
      figure('ksmd', 'ksmd: full scans, pages sharing'),
      figure('backing', 'on the backing device'),
    );
    return h(
      'div',
      { class: 'statistics' },
      h(
        'div',
        { class: 'column' },
        card('Where the bytes went', this.#savings.element, figures),
        card('Size classes', this.#classes.element),
      ),
      h(
        'div',
        { class: 'column' },
        card('Over time', this.#chart.element),
        card('What your kernel would say', this.#kernel.element),
      ),
    );
  }

  // ── work ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #button(text: string, title: string, run: () => Promise<string>, kind = ''): HTMLButtonElement {
    return h('button', { type: 'button', class: kind, title, onclick: () => void this.#run(`${text} …`, run) }, text);
  }

  async #run(what: string, work: () => Promise<string>): Promise<void> {
    this.#notices.start(what);
    this.#controls.disabled = true;
    try {
      this.#notices.say(await work());
    } catch (error) {
      this.#notices.fail((error as Error).message);
    } finally {
      this.#controls.disabled = false;
    }
  }

  #storeSample(): Promise<void> {
    return this.#run('SQLite is at work …', async () => {
      const files = await this.#samples().call('sample', SAMPLE_PROGRAMS);
      return this.#stored(await this.#engine.call('store', files));
    });
  }

  async #merge(): Promise<string> {
    const { objectsScanned, objectsMerged, pagesFreed, milliseconds: taken } = await this.#engine.call('merge');
    if (objectsScanned === 0) return 'Nothing has changed since the last merge.';
    this.#figure('merge', `${((objectsScanned / taken) * 1e-3).toFixed(2)} M objects/s`);
    return `${count(objectsMerged, 'page')} merged into identical ones in ${milliseconds(taken)}; ${bytes(pagesFreed * 4096)} of memory came free.`;
  }

  async #compact(): Promise<string> {
    const { pagesFreed, objectsMoved, milliseconds: taken } = await this.#engine.call('compact');
    return `${count(objectsMoved, 'object')} moved in ${milliseconds(taken)}; ${bytes(pagesFreed * 4096)} of memory came free.`;
  }

  async #recompress(): Promise<string> {
    const { pagesTried, objectsRecompressed, bytesSaved, milliseconds: taken } = await this.#engine.call('recompress');
    if (pagesTried === 0) return 'There is nothing that is not packed as well as can be.';
    return `${whole(objectsRecompressed)} of ${count(pagesTried, 'object')} packed smaller by deflate in ${milliseconds(taken)}; ${bytes(bytesSaved)} less.`;
  }

  async #writeback(type: PageType): Promise<string> {
    const { pagesWritten, milliseconds: taken } = await this.#engine.call('writeback', type);
    return `${count(pagesWritten, 'page')} written back in ${milliseconds(taken)}.`;
  }

  async #save(): Promise<string> {
    const file = await this.#engine.call('save');
    const url = URL.createObjectURL(file);
    h('a', { href: url, download: file.name }).click();
    // The browser has begun to copy it by then.
    setTimeout(() => URL.revokeObjectURL(url), REVOKE_MS);
    return `Saved to ${file.name}: ${bytes(file.size)}.`;
  }

  #load([file]: readonly File[]): Promise<void> {
    if (file === undefined) return Promise.resolve();
    return this.#run(`Loading ${file.name} …`, async () => {
      const { pages, milliseconds: taken } = await this.#engine.call('load', file);
      return `${count(pages, 'page')} loaded from ${file.name} in ${milliseconds(taken)}.`;
    });
  }

  async #verify(): Promise<string> {
    const { bytes: compared, milliseconds: taken, differsAt, skipped } = await this.#engine.call('verify');
    if (differsAt) throw new Error(`${differsAt.source} differs at byte ${whole(differsAt.offset)}.`);
    const without = skipped.length === 0 ? '' : `There is no file to compare ${skipped.join(', ')} with. `;
    if (compared === 0) return without || 'There is nothing to compare.';
    return `${without}${bytes(compared)} read back and compared in ${milliseconds(taken)}: identical.`;
  }

  #configure(change: Partial<DeviceConfig>): void {
    this.#config = { ...this.#config, ...change };
    void this.#run('Making a new device …', async () => {
      const report = await this.#engine.call('configure', this.#config);
      return report.bytes === 0 ? 'A new device, still empty.' : this.#stored(report);
    });
  }

  async #setKsmd(on: boolean): Promise<void> {
    this.#ksmdOn = on;
    const { pagesToScan, sleepMillisecs } = this.#ksmdSpeed;
    await this.#engine.call('ksmd', on ? { pagesToScan, sleepMillisecs } : undefined);
    this.#notices.say(on ? 'ksmd is scanning.' : 'ksmd is stopped; what is merged stays merged.');
  }

  // ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #listen(): void {
    this.#engine.on('pages', (pages) => this.map.update(pages));
    this.#engine.on('stats', (stats) => this.#showStats(stats));
    this.#engine.on('progress', (progress) => {
      this.#notices.progress(progress);
      if (progress.what.startsWith('Storing')) this.#figure('store', rate(progress.rate));
    });
    this.#engine.on('details', ({ config, sources, classes, sysfs }) => {
      this.#showConfig(config);
      this.#sources.show(sources);
      this.#classes.show(classes);
      this.#kernel.show(sysfs);
      this.map.redraw();
    });
  }

  #showConfig(config: DeviceConfig): void {
    this.#config = config;
    this.#algorithm.value = config.algorithm;
    this.#chainSize.value = String(config.chainSize);
    this.#dedup.input.checked = config.dedup;
  }

  #showStats({ at, mmStat, bdStat, writtenBack, memory, ksmd }: Stats): void {
    this.#savings.show(mmStat, writtenBack);
    this.#figure('reserved', bytes(memory.reserved));
    this.#figure('ksmd', ksmd ? `${whole(ksmd.fullScans)}, ${whole(ksmd.pagesSharing)}` : 'off');
    this.#figure('backing', bytes(bdStat.bdCount * 4096));
    if (mmStat.origDataSize === 0 && this.#chart.length === 0) return;
    if (at - this.#chartLast < CHART_MS) return;
    this.#chartFrom ||= at;
    this.#chartLast = at;
    this.#chart.push((at - this.#chartFrom) / 1000, [mmStat.origDataSize, mmStat.memUsedTotal, mmStat.comprDataSize]);
  }

  #figure(id: string, text: string): void {
    this.#figures.get(id)!.textContent = text;
  }

  #stored({ bytes: stored, milliseconds: taken, engineMilliseconds }: StoreReport): string {
    if (stored > 0) {
      this.#figure('store', rate((stored / taken) * 1000));
      this.#figure('engine', rate((stored / engineMilliseconds) * 1000));
    }
    return `${bytes(stored)} stored in ${milliseconds(taken)}.`;
  }
}
