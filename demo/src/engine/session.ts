/**
 * The engine as the page sees it: one device on one pool, what was stored on it, and the scanner. Long work goes in
 * steps with a turn of the event loop between them, so that it can be watched and ended.
 */
import {
  Engine,
  ZramError,
  type CompactReport,
  type Ksmd,
  type MergeReport,
  type OpfsBacking,
  type PageType,
  type RecompressReport,
  type WritebackReport,
  type Zram,
  type ZsPool,
} from 'zram-wasm/external';
import type { Emit } from '../workers/rpc.js';
import { makeBacking } from './backing.js';
import { PageTable, buffersOf, endOf } from './page-table.js';
import {
  WRITTEN_BACK,
  type Algorithm,
  type DeviceConfig,
  type EngineEvents,
  type KsmdSpeed,
  type LoadReport,
  type Source,
  type StoreReport,
  type VerifyReport,
} from './protocol.js';
import { sharingOf } from './sharing.js';
import { verify, type Kept } from './verify.js';

const PAGE_BYTES = 4096;
/** Sparse: only pages that are stored cost anything, and wasm's 4 GiB are the end long before. */
const DISKSIZE = '64G';
const SAVED_NAME = 'zram-wasm.zram';
/** Read and stored in one go: some 10 ms. */
const STEP_BYTES = 4 << 20;
/** A merge holds the worker for so long before it looks for other work. */
const MERGE_STEP_MS = 40;
/** The attribute that has a line for each page: what the map draws. */
const LINE_A_PAGE = 'block_state';
/** What `recompress` packs with. */
const STRONGER = 'deflate';
/** Pages a step of recompression tries: some 40 ms. */
const RECOMPRESS_STEP = 256;
/** Between two reports of a long work. */
const REPORT_MS = 200;
/** The whole map is gathered again while ksmd runs, but for no more than one part in so many of the time. */
const REFRESH_SHARE = 6;
const REFRESH_MS_MIN = 400;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export class Session {
  readonly #emit: Emit<EngineEvents>;
  readonly #engine: Engine;
  readonly #backing: OpfsBacking | undefined;
  #config: DeviceConfig = { algorithm: 'lz4', chainSize: 8, dedup: false };
  #pool: ZsPool;
  #zram: Zram;
  #ksmd: Ksmd | undefined;
  #sources: Kept[] = [];
  #table = new PageTable();
  #cancelled = false;
  #noBacking: string | undefined;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;

  private constructor(engine: Engine, backing: OpfsBacking | undefined, emit: Emit<EngineEvents>) {
    this.#emit = emit;
    this.#engine = engine;
    this.#backing = backing;
    this.#pool = engine.createPool({ chainSize: this.#config.chainSize });
    this.#zram = this.#makeDevice();
    this.#reportAll();
  }

  static async make(emit: Emit<EngineEvents>): Promise<Session> {
    const engine = await Engine.create();
    try {
      return new Session(engine, await makeBacking(), emit);
    } catch (error) {
      const session = new Session(engine, undefined, emit);
      session.#noBacking = `Nothing can be written back: ${(error as Error).message}`;
      return session;
    }
  }

  /** Why nothing can be written back, or undefined. */
  get noBacking(): string | undefined {
    return this.#noBacking;
  }

  /** Makes a new device, and stores on it what the old one held. */
  async configure(config: DeviceConfig): Promise<StoreReport> {
    this.#config = config;
    const files = this.#files();
    this.clear();
    return this.store(files);
  }

  /** All that is stored, as files. */
  #files(): File[] {
    return this.#sources.map((source) => source.file ?? this.#fileOf(source));
  }

  /** What is stored of a source, read in steps into a file: the browser may keep it on its disk. */
  #fileOf({ name, firstPage, bytes }: Source): File {
    const parts = [];
    for (let at = 0; at < bytes; at += STEP_BYTES) {
      const length = Math.min(STEP_BYTES, bytes - at);
      parts.push(new Blob([this.#zram.read(firstPage * PAGE_BYTES + at, length) as Uint8Array<ArrayBuffer>]));
    }
    return new File(parts, name);
  }

  /** The device as a file, which any program with zram-wasm can load. */
  async save(): Promise<File> {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    // A body goes to where the browser keeps files, piece by piece, and never lies in memory as a whole.
    const [blob] = await Promise.all([new Response(readable).blob(), this.#zram.save(writable)]);
    return new File([blob], SAVED_NAME);
  }

  /** Takes the device that a file has in place of this one. If it cannot be had, all is stored again that was there. */
  async load(file: File): Promise<LoadReport> {
    const begun = performance.now();
    const files = this.#files();
    const speed = this.#end();
    try {
      this.#pool = this.#engine.createPool({ chainSize: this.#config.chainSize });
      this.#zram = await this.#engine.loadZram(file.stream(), { pool: this.#pool, backing: this.#backing });
    } catch (error) {
      this.#pool.destroy();
      this.#begin(speed);
      await this.store(files);
      throw error;
    }
    this.ksmd(speed);
    const pages = endOf(this.#zram);
    this.#sources = [{ name: file.name, bytes: pages * PAGE_BYTES, firstPage: 0, pages, file: undefined }];
    this.#config = { ...this.#config, ...configOf(this.#zram) };
    this.#reportAll();
    return { pages, milliseconds: performance.now() - begun };
  }

  /** Frees all, and makes an empty device. */
  clear(): void {
    this.#begin(this.#end());
    this.#reportAll();
  }

  /** Ends the device. Returns the scanner's speed, if it ran. */
  #end(): KsmdSpeed | undefined {
    const speed = this.#ksmd && { pagesToScan: this.#ksmd.pagesToScan, sleepMillisecs: this.#ksmd.sleepMillisecs };
    this.ksmd(undefined);
    this.#zram.destroy();
    this.#pool.destroy();
    this.#sources = [];
    this.#table = new PageTable();
    return speed;
  }

  #begin(speed: KsmdSpeed | undefined): void {
    this.#pool = this.#engine.createPool({ chainSize: this.#config.chainSize });
    this.#zram = this.#makeDevice();
    this.ksmd(speed);
  }

  /** Stores files one after the other, each from the next free page on. */
  async store(files: readonly File[]): Promise<StoreReport> {
    this.#cancelled = false;
    const started = performance.now();
    const total = files.reduce((sum, { size }) => sum + size, 0);
    const report = { bytes: 0, milliseconds: 0, engineMilliseconds: 0 };
    try {
      for (const file of files) {
        await this.#storeFile(file, report, total, started);
        if (this.#cancelled) break;
      }
    } finally {
      report.milliseconds = performance.now() - started;
      this.#reportAll();
    }
    return report;
  }

  async #storeFile(file: File, report: Writable<StoreReport>, total: number, started: number): Promise<void> {
    const firstPage = this.#endPage();
    const source = { name: file.name, bytes: 0, firstPage, pages: 0, file };
    this.#sources.push(source);
    const expectedEnd = firstPage + Math.ceil(file.size / PAGE_BYTES);
    const read = (at: number): Promise<ArrayBuffer> => file.slice(at, at + STEP_BYTES).arrayBuffer();
    let next = read(0);
    let reported = 0;
    let shown = firstPage;
    while (source.bytes < file.size && !this.#cancelled) {
      const bytes = new Uint8Array(await next);
      next = read(source.bytes + bytes.length);
      const begun = performance.now();
      try {
        this.#zram.write(firstPage * PAGE_BYTES + source.bytes, bytes);
      } catch (error) {
        if (error instanceof ZramError) source.pages = source.bytes / PAGE_BYTES + (error.pagesDone ?? 0);
        source.bytes = source.pages * PAGE_BYTES;
        throw error;
      }
      report.engineMilliseconds += performance.now() - begun;
      report.bytes += bytes.length;
      source.bytes += bytes.length;
      source.pages = Math.ceil(source.bytes / PAGE_BYTES);
      const now = performance.now();
      if (now - reported < REPORT_MS) continue;
      reported = now;
      this.#reportPages(shown, firstPage + source.pages - shown, expectedEnd);
      shown = firstPage + source.pages;
      this.#reportStats();
      const rate = (report.bytes / (now - started)) * 1000;
      this.#emit('progress', { what: `Storing ${file.name}`, done: report.bytes, total, rate });
    }
    // The read ahead ends by itself; that it was not wanted is no error.
    next.catch(() => undefined);
  }

  /** One full pass. */
  async merge(): Promise<MergeReport> {
    this.#cancelled = false;
    const sum = {
      objectsScanned: 0,
      objectsHashed: 0,
      objectsMerged: 0,
      bytesMerged: 0,
      pagesFreed: 0,
      hashCollisions: 0,
      milliseconds: 0,
    };
    let complete = false;
    let reported = performance.now();
    while (!complete && !this.#cancelled) {
      const step = this.#zram.merge({ maxMilliseconds: MERGE_STEP_MS });
      add(sum, step);
      complete = step.complete;
      if (complete || performance.now() - reported < REPORT_MS) continue;
      this.#reportPages();
      this.#reportStats();
      const total = this.#pool.stats().objects + sum.objectsMerged;
      const rate = (sum.objectsScanned / sum.milliseconds) * 1000 * PAGE_BYTES;
      this.#emit('progress', { what: 'Merging', done: sum.objectsScanned, total, rate });
      reported = performance.now();
      await turn();
    }
    this.#reportAll();
    return { ...sum, complete };
  }

  /** Packs pages again, some at a time: a stronger compressor takes its time. */
  async recompress(): Promise<RecompressReport> {
    this.#cancelled = false;
    const sum = { pagesTried: 0, objectsRecompressed: 0, bytesSaved: 0, milliseconds: 0 };
    const { objects } = this.#pool.stats();
    let reported = performance.now();
    for (let ended = false; !ended && !this.#cancelled;) {
      const step = this.#zram.recompress({ maxPages: RECOMPRESS_STEP });
      add(sum, step);
      ended = step.pagesTried < RECOMPRESS_STEP || sum.pagesTried >= objects;
      if (ended || performance.now() - reported < REPORT_MS) continue;
      reported = performance.now();
      this.#reportPages();
      this.#reportStats();
      const rate = (sum.pagesTried / sum.milliseconds) * 1000 * PAGE_BYTES;
      const [done, total] = [sum.pagesTried * PAGE_BYTES, objects * PAGE_BYTES];
      this.#emit('progress', { what: 'Recompressing', done, total, rate });
      await turn();
    }
    this.#reportAll();
    return sum;
  }

  idle(): void {
    this.#zram.idle();
    this.#reportAll();
  }

  writeback(type: PageType): WritebackReport {
    try {
      return this.#zram.writeback({ type });
    } finally {
      this.#reportAll();
    }
  }

  compact(): CompactReport {
    const report = this.#zram.compact();
    this.#reportAll();
    return report;
  }

  /** Starts the scanner, or with no speed stops it. */
  ksmd(speed: KsmdSpeed | undefined): void {
    this.#ksmd?.destroy();
    this.#ksmd = undefined;
    clearTimeout(this.#refreshTimer);
    if (speed !== undefined) {
      this.#ksmd = this.#pool.createKsmd(speed);
      this.#ksmd.start();
      this.#refreshTimer = setTimeout(() => this.#follow(-1), REFRESH_MS_MIN);
    }
    this.#reportStats();
  }

  /** Shows what the scanner did, while it does something. */
  #follow(merged: number): void {
    const begun = performance.now();
    const { pagesMerged } = this.#pool.stats();
    if (pagesMerged === merged) this.#reportStats();
    else this.#reportAll();
    const pause = Math.max(REFRESH_MS_MIN, (performance.now() - begun) * REFRESH_SHARE);
    this.#refreshTimer = setTimeout(() => this.#follow(pagesMerged), pause);
  }

  /** Reads everything back and compares it with the files, byte by byte. */
  verify(): Promise<VerifyReport> {
    this.#cancelled = false;
    return verify(this.#zram, this.#sources, {
      cancelled: () => this.#cancelled,
      progress: (progress) => this.#emit('progress', progress),
    });
  }

  cancel(): void {
    this.#cancelled = true;
  }

  // ── reports ────────────────────────────────────────────────────────────────────────────────────────────────────

  #reportAll(): void {
    this.#reportPages();
    this.#reportStats();
    const { sysfs } = this.#zram;
    this.#emit('details', {
      config: this.#config,
      sources: sharingOf(this.#sources, this.#table),
      classes: this.#pool.classes(),
      sysfs: sysfs
        .list()
        .filter(({ name, mode }) => mode !== 'w' && name !== LINE_A_PAGE)
        .map(({ name, help }) => ({ name, help, text: sysfs.read(name) })),
    });
  }

  #reportPages(first = 0, count = this.#endPage(), total = this.#endPage()): void {
    this.#table.refresh(this.#zram, first, count);
    const pages = this.#table.copy(first, count, Math.max(total, this.#endPage()));
    this.#emit('pages', pages, buffersOf(pages));
  }

  #reportStats(): void {
    const { bdStat } = this.#zram;
    this.#emit('stats', {
      at: performance.now(),
      mmStat: this.#zram.mmStat,
      bdStat,
      writtenBack: bdStat.bdCount === 0 ? 0 : this.#table.count(WRITTEN_BACK, this.#endPage()),
      memory: this.#engine.memory,
      pool: this.#pool.stats(),
      ksmd: this.#ksmd?.stats(),
    });
  }

  /** The page after the last source. */
  #endPage(): number {
    const last = this.#sources.at(-1);
    return last === undefined ? 0 : last.firstPage + last.pages;
  }

  #makeDevice(): Zram {
    const { algorithm, dedup } = this.#config;
    return this.#engine.createZram({
      disksize: DISKSIZE,
      compAlgorithm: algorithm,
      recompAlgorithms: algorithm === STRONGER ? [] : [STRONGER],
      dedup,
      backing: this.#backing,
      pool: this.#pool,
    });
  }
}

/** What a device that was loaded is made with. */
function configOf({ sysfs }: Zram): Pick<DeviceConfig, 'algorithm' | 'dedup'> {
  const [, algorithm] = /\[(\w+)\]/.exec(sysfs.read('comp_algorithm'))!;
  return { algorithm: algorithm as Algorithm, dedup: sysfs.read('use_dedup').trim() === '1' };
}

/** Adds up the figures of a report. */
function add<K extends string>(sum: Record<K, number>, step: Readonly<Record<NoInfer<K>, number>>): void {
  for (const key of Object.keys(sum) as K[]) sum[key] += step[key];
}

/** Lets waiting messages in. A timer would wait 4 ms; a message does not. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
