/**
 * Two workers against one thread: the same pages in the same batches, on an empty device each. Some calls are under way at
 * a time, as a program does that does not wait for each: a worker has work while the other's answer is on its way.
 *
 * The thread that calls has work of its own (hashing and copying each page), and shares the cores with the workers. Pages
 * are read to memory of the caller's own, and to memory that it shares with the workers, which write there themselves.
 * Taken twice: on a quiet machine, and while another process streams through memory.
 */
import { availableParallelism } from 'node:os';
import { Engine } from '../../dist/index.js';
import { ParallelZram } from '../../dist/parallel.js';
import { alternate } from '../support/alternate.mjs';
import { busyMissing, inBothStates } from '../support/busy.mjs';
import { Missing } from '../support/native.mjs';
import { MIB, PAGE_BYTES } from '../support/settings.mjs';
import { megabytesPerSecond, speedRatio } from '../support/statistics.mjs';
import { spread } from '../support/table.mjs';

const WORKERS = 2;
const BATCH_PAGES = MIB / PAGE_BYTES;
/** Calls of a MiB that are under way at a time. */
const DEPTH = 4;

const memory = (isShared) => new Uint8Array(isShared ? new SharedArrayBuffer(MIB) : new ArrayBuffer(MIB));

class OneThread {
  #engine = Engine.createSync();
  #zram;
  #outs = { own: memory(false), shared: memory(true) };

  /** In memory that has grown already. */
  empty(bytes) {
    this.#zram?.destroy();
    this.#zram = this.#engine.createZram({ disksize: bytes });
  }

  writeAll(batches) {
    batches.forEach((batch, n) => this.#zram.writePages(n * BATCH_PAGES, batch));
  }

  readAll(batches, to) {
    const out = this.#outs[to];
    batches.forEach((batch, n) => this.#zram.readPages(n * BATCH_PAGES, batch.length / PAGE_BYTES, out));
  }

  end() {
    this.#engine.destroy();
  }
}

class Workers {
  #zram;
  #outs = {
    own: Array.from({ length: DEPTH }, () => memory(false)),
    shared: Array.from({ length: DEPTH }, () => memory(true)),
  };

  static async make(sharedMemory) {
    const workers = new Workers();
    workers.#zram = await ParallelZram.create({ workers: WORKERS, sharedMemory });
    return workers;
  }

  async empty(bytes) {
    await this.#zram.reset();
    await this.#zram.init(bytes);
  }

  async #all(batches, call) {
    const running = [];
    for (let n = 0; n < batches.length; n++) {
      if (running.length === DEPTH) await running.shift();
      running.push(call(batches[n], n));
    }
    await Promise.all(running);
  }

  writeAll(batches) {
    return this.#all(batches, (batch, n) => this.#zram.writePages(n * BATCH_PAGES, batch));
  }

  readAll(batches, to) {
    const outs = this.#outs[to];
    return this.#all(batches, (batch, n) =>
      this.#zram.readPages(n * BATCH_PAGES, batch.length / PAGE_BYTES, outs[n % DEPTH]),
    );
  }

  async verify(batches) {
    for (const [n, batch] of batches.entries()) {
      const seen = await this.#zram.readPages(n * BATCH_PAGES, batch.length / PAGE_BYTES);
      if (Buffer.compare(seen, batch) !== 0) throw new Error(`batch ${n} reads back different`);
    }
  }

  end() {
    return this.#zram.destroy();
  }
}

const ONE = 'one thread';

export async function run({ image, settings }) {
  if (availableParallelism() < WORKERS) throw new Missing('this machine runs one thread at a time');
  const pages = image.distinct;
  const batches = [];
  for (let at = 0; at < pages.length; at += MIB) batches.push(pages.subarray(at, at + MIB));
  const sides = {
    [ONE]: new OneThread(),
    'two workers, shared memory': await Workers.make(true),
    'two workers, buffers transferred': await Workers.make(false),
  };
  for (const side of Object.values(sides)) {
    await side.empty(pages.length);
    await side.writeAll(batches);
    await side.verify?.(batches);
  }

  const tasks = Object.entries(sides).flatMap(([name, side]) => {
    const isAsync = side instanceof Workers;
    return [
      { name: `${name} write`, before: () => side.empty(pages.length), run: () => side.writeAll(batches), isAsync },
      { name: `${name} own`, run: () => side.readAll(batches, 'own'), isAsync },
      { name: `${name} shared`, run: () => side.readAll(batches, 'shared'), isAsync },
    ];
  });
  // Writing and then reading, in this order: every side reads what it has just written.
  const states = await inBothStates(() => alternate(tasks, { rounds: settings.rounds, warmups: 2, inOrder: true }));
  for (const side of Object.values(sides)) await side.end();

  const ratio = (times, name, way) => speedRatio(times[`${name} ${way}`], times[`${ONE} ${way}`]);
  const rows = Object.entries(states).flatMap(([state, times]) =>
    Object.keys(sides).map((name) => [
      `${name}, ${state}`,
      ...['write', 'own', 'shared'].flatMap((way) => [
        spread(megabytesPerSecond(times[`${name} ${way}`], pages.length)),
        name === ONE ? '' : spread(ratio(times, name, way)),
      ]),
    ]),
  );
  const heads = ['`writePages`', '`readPages`', '`readPages` to shared memory'];
  return {
    tables: [
      {
        title: 'Workers',
        text: `\`ParallelZram\` with ${WORKERS} workers against \`Zram\` on one thread, on ${availableParallelism()} logical cores: all distinct pages, 1 MiB a call, ${DEPTH} calls under way at a time. Busy: ${busyMissing() ?? 'while another process streams through memory, on one of these cores'}.`,
        head: ['', ...heads.flatMap((head) => [`${head}, MB/s`, '/ one thread'])],
        rows,
      },
    ],
    measures: { workers: { value: ratio(states.quiet, Object.keys(sides)[1], 'write') } },
  };
}
