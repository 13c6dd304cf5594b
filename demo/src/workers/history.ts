/** The worker that runs SQLite programs and keeps what their memories were, every second. */
import { History } from '../history/history.js';
import type { HistoryCalls, HistoryConfig, HistoryEvents, SelectedState } from '../history/protocol.js';
import { SqliteProgram } from '../history/sqlite-program.js';
import { serve, type Emit } from './rpc.js';

const PAGE_BYTES = 4096;
const INTERVAL_MS = 1000;
/** Work between two states, and before a sample. */
const STEPS_PER_STATE = 2;
const SAMPLE_STEPS = 3;
const NAMES = ['Shop Lisbon', 'Shop Kyoto', 'Shop Oslo'];

interface Run {
  readonly history: History;
  readonly programs: readonly SqliteProgram[];
  /** SHA-256 of each state's memory, taken before it was stored. */
  readonly digests: (string | undefined)[];
}

async function makePrograms(count: number): Promise<SqliteProgram[]> {
  const programs = [];
  for (let n = 0; n < count; n++) programs.push(await SqliteProgram.make(NAMES[n]!, n + 1));
  return programs;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}

/** Undefined where there is no cryptography: only pages over https and from localhost have it. */
async function digest(memories: readonly Uint8Array<ArrayBuffer>[]): Promise<string | undefined> {
  if (!isSecureContext) return undefined;
  const parts = await Promise.all(memories.map((memory) => crypto.subtle.digest('SHA-256', memory)));
  const hex = (bytes: ArrayBuffer): string =>
    [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return parts.map(hex).join(' ');
}

/** Runs the programs, and records their memories. */
class Recorder {
  #run: Run | undefined;
  #lastRecording = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(readonly emit: Emit<HistoryEvents>) {}

  async start({ programs: count, finding }: HistoryConfig): Promise<void> {
    this.pause();
    await this.#exclusively(async () => {
      this.#run?.history.destroy();
      for (const program of this.#run?.programs ?? []) await program.destroy();
      this.#run = undefined;
    });
    const history = await History.make(count, finding);
    this.#run = { history, programs: await makePrograms(count), digests: [] };
    this.resume();
  }

  pause(): void {
    this.#lastRecording++;
  }

  resume(): void {
    void this.#record(this.#running());
  }

  async select(id: number): Promise<SelectedState> {
    const { history, programs, digests } = this.#running();
    const begun = performance.now();
    const memories = history.get(id);
    const milliseconds = performance.now() - begun;
    const sha256 = await digest(memories);
    let at = 0;
    const parts = memories.map(({ length }, n) => {
      const part = { name: programs[n]!.name, firstPage: at, pages: length / PAGE_BYTES };
      at += part.pages;
      return part;
    });
    const pages = history.pages(id);
    return { id, pages, programs: parts, identical: sha256 === digests[id], sha256, milliseconds };
  }

  rewind(id: number): Promise<{ rows: number }> {
    return this.#exclusively(async () => {
      const { history, programs } = this.#running();
      for (const [n, memory] of history.get(id).entries()) programs[n]!.restore(memory);
      return { rows: await rowsOf(programs) };
    });
  }

  #running(): Run {
    if (this.#run === undefined) throw new Error('Nothing has been recorded yet.');
    return this.#run;
  }

  /** A program that is at work may not be rewound, nor ended: one after the other. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** A state every second, or as often as it can be done, until the recording is paused or another begins. */
  async #record(current: Run): Promise<void> {
    const recording = ++this.#lastRecording;
    try {
      while (recording === this.#lastRecording) {
        const begun = performance.now();
        await this.#exclusively(async () => {
          if (recording === this.#lastRecording) await this.#takeState(current);
        });
        await sleep(INTERVAL_MS - (performance.now() - begun));
      }
    } catch (error) {
      this.emit('ended', { reason: (error as Error).message });
    }
  }

  async #takeState({ history, programs, digests }: Run): Promise<void> {
    const work = [];
    for (const program of programs) {
      for (let n = 1; n < STEPS_PER_STATE; n++) await program.step();
      work.push(await program.step());
    }
    const memories = programs.map(({ memory }) => memory);
    const sha256 = await digest(memories);
    const begun = performance.now();
    const id = history.push(memories);
    const milliseconds = performance.now() - begun;
    digests[id] = sha256;
    const bytes = memories.reduce((sum, { length }) => sum + length, 0);
    this.emit('state', {
      id,
      bytes,
      rawBytes: history.rawBytes,
      heldBytes: history.heldBytes,
      changedPages: history.changedPages(id),
      pages: bytes / PAGE_BYTES,
      milliseconds,
      work,
      rows: await rowsOf(programs),
    });
  }
}

/** Memories of programs before and after some work, as files. */
async function sample(count: number): Promise<File[]> {
  const files = [];
  for (const program of await makePrograms(count)) {
    for (const time of ['before', 'after']) {
      files.push(new File([program.memory], `${program.name}, ${time}`));
      for (let n = 0; n < SAMPLE_STEPS && time === 'before'; n++) await program.step();
    }
    await program.destroy();
  }
  return files;
}

function makeCalls(emit: Emit<HistoryEvents>): HistoryCalls {
  const recorder = new Recorder(emit);
  return {
    start: (config) => recorder.start(config),
    pause: () => recorder.pause(),
    resume: () => recorder.resume(),
    select: (id) => recorder.select(id),
    rewind: (id) => recorder.rewind(id),
    sample,
  };
}

async function rowsOf(programs: readonly SqliteProgram[]): Promise<number> {
  let rows = 0;
  for (const program of programs) rows += await program.rows();
  return rows;
}

serve<HistoryCalls, HistoryEvents>(makeCalls);
