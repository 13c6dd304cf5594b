/** The worker that measures. */
import sqliteUrl from '@journeyapps/wa-sqlite/dist/wa-sqlite.wasm?url';
import { Benchmarks } from '../bench/benchmarks.js';
import { Core } from '../bench/core.js';
import type { BenchCalls, BenchEvents } from '../bench/protocol.js';
import { SqliteProgram } from '../history/sqlite-program.js';
import { serve } from './rpc.js';

const PAGE_BYTES = 4096;
/** Enough that no cache and no branch predictor knows them by heart: 4 MiB. */
const PAGES_MAX = 1024;
const PROGRAMS = 2;
const PROGRAM_STEPS = 24;

/** Pages that nobody made up: memories of programs at work, and a program. No same-filled pages, and each only once. */
async function realPages(): Promise<Uint8Array<ArrayBuffer>> {
  const images: Uint8Array[] = [new Uint8Array(await (await fetch(sqliteUrl)).arrayBuffer())];
  for (let seed = 1; seed <= PROGRAMS; seed++) {
    const program = await SqliteProgram.make(`bench ${seed}`, seed);
    for (let n = 0; n < PROGRAM_STEPS; n++) await program.step();
    images.push(program.memory.slice());
    await program.destroy();
  }
  const distinct = new Map<string, Uint8Array>();
  const decoder = new TextDecoder('latin1');
  for (const image of images) {
    for (let at = 0; at + PAGE_BYTES <= image.length && distinct.size < PAGES_MAX; at += PAGE_BYTES) {
      const page = image.subarray(at, at + PAGE_BYTES);
      if (page.some((byte) => byte !== page[0])) distinct.set(decoder.decode(page), page);
    }
  }
  const pages = new Uint8Array(distinct.size * PAGE_BYTES);
  [...distinct.values()].forEach((page, n) => pages.set(page, n * PAGE_BYTES));
  return pages;
}

/** Lets the page draw and take a message. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

serve<BenchCalls, BenchEvents>((emit) => ({
  async run() {
    const begun = performance.now();
    const pages = await realPages();
    const benchmarks = await Benchmarks.make(await Core.load(), pages);
    const definitions = benchmarks.all();
    for (const [done, definition] of definitions.entries()) {
      emit('started', { title: definition.title, done, total: definitions.length });
      await pause();
      emit('benchmark', benchmarks.run(definition));
    }
    benchmarks.destroy();
    return { pages: pages.length / PAGE_BYTES, milliseconds: performance.now() - begun };
  },
}));
