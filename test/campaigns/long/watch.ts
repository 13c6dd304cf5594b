/** Looks for what stays behind: memory, files, timers, listeners. */
import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { nextTick } from './user.js';

const MIB = 2 ** 20;
/** Growth of the process that is no leak yet: collectors and allocators keep some. */
const RSS_SLACK = 24 * MIB;
const RSS_SHARE = 1.1;
const HEAP_SLACK = 6 * MIB;
/** Cycles from which on growth can be told from warming up. */
const CYCLES_MIN = 12;

interface Held {
  readonly descriptors: number;
  readonly resources: string;
  readonly listeners: number;
}

interface Sample {
  readonly rss: number;
  readonly heap: number;
  readonly reserved: number;
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

export class Watch {
  readonly samples: Sample[] = [];
  readonly warnings: string[] = [];
  #before: Held | undefined;
  readonly #collect: () => void;

  constructor() {
    setFlagsFromString('--expose-gc');
    this.#collect = runInNewContext('gc') as () => void;
    process.on('warning', (warning) => this.warnings.push(String(warning)));
    process.on('unhandledRejection', (reason) =>
      this.warnings.push(`a rejection that nobody handled: ${String(reason)}`),
    );
  }

  /** To be called when everything was ended: at the end of a cycle. */
  async look(reserved: number): Promise<void> {
    for (let turn = 0; turn < 5; turn++) await nextTick();
    this.#collect();
    await nextTick();
    this.#collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    this.samples.push({ rss, heap: heapUsed + external, reserved });
    if (this.warnings.length > 0) throw new Error(`warnings: ${this.warnings.join('; ')}`);
    const now = heldNow();
    // What the first cycle loaded (workers' streams, modules) stays.
    this.#before ??= now;
    if (JSON.stringify(now) !== JSON.stringify(this.#before)) {
      throw new Error(`left behind: ${JSON.stringify(now)}, and not ${JSON.stringify(this.#before)}`);
    }
  }

  /** That neither the process nor linear memory grew from the second quarter of the cycles to the last. */
  conclude(): void {
    const cycles = this.samples.length;
    if (cycles < CYCLES_MIN) return;
    const quarter = (n: number): Sample[] => this.samples.slice((n * cycles) >> 2, ((n + 1) * cycles) >> 2);
    const of = (n: number, field: keyof Sample): number => median(quarter(n).map((sample) => sample[field]));
    const [rss, rssLast] = [of(1, 'rss'), of(3, 'rss')];
    if (rssLast > rss * RSS_SHARE + RSS_SLACK) throw new Error(`the process grew from ${rss} to ${rssLast} bytes`);
    const [heap, heapLast] = [of(1, 'heap'), of(3, 'heap')];
    if (heapLast > heap + HEAP_SLACK) throw new Error(`the heap grew from ${heap} to ${heapLast} bytes`);
    const [reserved, reservedLast] = [of(1, 'reserved'), of(3, 'reserved')];
    if (reservedLast > reserved) throw new Error(`linear memory grew from ${reserved} to ${reservedLast} bytes`);
  }
}

function heldNow(): Held {
  let descriptors = 0;
  try {
    descriptors = readdirSync('/proc/self/fd').length;
  } catch {
    // Only Linux has it.
  }
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return { descriptors, resources: [...counts].sort().join(), listeners };
}
