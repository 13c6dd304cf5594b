/**
 * Collects values of several calls into segments of this machine: one is stored when it is large enough or when its first
 * value has waited long enough, whichever comes first.
 */
import { ZramError } from '../../bindings/base/errors.js';
import { SEGMENTS, type Catalogue } from './segment-catalogue.js';
import { readIndex, SegmentBuilder } from './segment-format.js';
import type { Limit } from './group.js';
import type { ObjectStore } from './object-store.js';
import type { Lease } from './segment-lease.js';

/** The segment that is being filled. */
interface Open {
  readonly builder: SegmentBuilder;
  readonly stored: Promise<Error | undefined>;
  readonly settle: (failure: Error | undefined) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class SegmentWriter {
  #open: Open | undefined;
  #counter = 0;
  /** Values on their way, by key as text: they are stored once, however many calls put them. */
  readonly #pending = new Map<string, Promise<Error | undefined>>();
  readonly #storing = new Set<Promise<unknown>>();

  constructor(
    private readonly store: ObjectStore,
    private readonly limit: Limit,
    private readonly catalogue: Catalogue,
    private readonly lease: Lease,
    private readonly options: { machine: string; segmentBytes: number; flushMilliseconds: number },
  ) {}

  /** Puts a value into a segment. Settles when that is stored, with the failure if it could not be. */
  put(key: Uint8Array, value: Uint8Array): Promise<Error | undefined> {
    const text = String.fromCharCode(...key);
    const pending = this.#pending.get(text);
    if (pending) return pending;
    const open = (this.#open ??= this.#begin());
    open.builder.add(key, value);
    const done = open.stored.then((failure) => {
      this.#pending.delete(text);
      return failure;
    });
    this.#pending.set(text, done);
    if (open.builder.valueBytes >= this.options.segmentBytes) this.#close(open);
    return done;
  }

  /** Stores what waits. Settles when nothing is on its way. */
  async flush(): Promise<void> {
    if (this.#open) this.#close(this.#open);
    await Promise.all(this.#storing);
  }

  #begin(): Open {
    let settle: Open['settle'] = () => undefined;
    const stored = new Promise<Error | undefined>((resolve) => (settle = resolve));
    const open: Open = {
      builder: new SegmentBuilder(Math.min(this.options.segmentBytes, 2 ** 20) + 2 ** 16),
      stored,
      settle,
      timer: setTimeout(() => this.#close(open), this.options.flushMilliseconds),
    };
    return open;
  }

  #close(open: Open): void {
    clearTimeout(open.timer);
    if (this.#open === open) this.#open = undefined;
    const storing = this.#store(open.builder).then(
      () => open.settle(undefined),
      (error: unknown) => open.settle(failed(error)),
    );
    this.#storing.add(storing);
    void storing.finally(() => this.#storing.delete(storing));
  }

  async #store(builder: SegmentBuilder): Promise<void> {
    const id = idOf(this.options.machine, this.#counter++);
    const bytes = builder.finish();
    // A lease on what is not there yet does no harm, and nobody collects it before it is old.
    await Promise.all([this.limit.run(() => this.store.put(SEGMENTS + id, bytes)), this.lease.extend([id])]);
    this.lease.sawIt(id);
    const index = readIndex(bytes.length, bytes);
    if (typeof index !== 'number') this.catalogue.add(id, bytes.length, index);
  }
}

/** Names sort by the time at which they were given out, which is in them. */
function idOf(machine: string, counter: number): string {
  const time = Date.now().toString(16).padStart(12, '0');
  const random = Math.floor(Math.random() * 2 ** 32).toString(16);
  return `${time}-${machine}-${counter}-${random.padStart(8, '0')}`;
}

/** When a segment was made, in milliseconds since 1970; 0 if its name does not say. */
export function timeOf(id: string): number {
  const text = /^([0-9a-f]{12})-/.exec(id)?.[1];
  return text === undefined ? 0 : Number.parseInt(text, 16);
}

function failed(cause: unknown): ZramError {
  const text = cause instanceof Error ? cause.message : String(cause);
  return new ZramError('EIO', `cannot store a segment: ${text}.`, undefined, { cause });
}
