/**
 * Which segments a machine uses, and until when: small objects in the store, so that whoever collects garbage sees them.
 *
 * What changed is written as an object of its own, and when there are many they are written again as one; so a machine that
 * begins to use one segment after the other writes some bytes for each, not its whole list.
 */
import { ZramError } from '../../bindings/base/errors.js';
import { Group, type Limit } from './group.js';
import type { ObjectStore } from './object-store.js';

export const LEASES = 'leases/';
/** Objects of one machine, from which on they are written as one. */
const PARTS_MAX = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export class Lease {
  /** Until when, in milliseconds since 1970, by segment: as it should be, and as it is in the store. */
  readonly #wanted = new Map<string, number>();
  readonly #stored = new Map<string, number>();
  readonly #changed = new Set<string>();
  /** Segments that were seen to be there since they are kept. */
  readonly #seen = new Set<string>();
  #parts: string[] = [];
  #written = 0;
  readonly #writes = new Group(() => this.#write());

  /**
   * @param owner a name that no other lease has
   * @param milliseconds how long at least a segment is kept after it was used
   */
  constructor(
    private readonly store: ObjectStore,
    private readonly limit: Limit,
    private readonly owner: string,
    private readonly milliseconds: number,
  ) {}

  /** Whether the segment has been kept since it was seen: it is there still. */
  holds(segment: string): boolean {
    if (!this.#seen.has(segment)) return false;
    if ((this.#stored.get(segment) ?? 0) > Date.now()) return true;
    this.#seen.delete(segment);
    return false;
  }

  /** The segment is there, and was after it was kept. */
  sawIt(segment: string): void {
    this.#seen.add(segment);
  }

  /** Keeps segments. Nothing is written while what is in the store lasts long enough. */
  async extend(segments: Iterable<string>): Promise<void> {
    const now = Date.now();
    let isShort = false;
    for (const segment of segments) {
      // Twice as long, so that it is written once for many uses.
      this.#wanted.set(segment, now + 2 * this.milliseconds);
      if ((this.#stored.get(segment) ?? 0) >= now + this.milliseconds) continue;
      this.#changed.add(segment);
      isShort = true;
    }
    if (isShort) await this.#writes.run();
  }

  async #write(): Promise<void> {
    const now = Date.now();
    const isWhole = this.#parts.length >= PARTS_MAX;
    for (const [segment, until] of this.#wanted) if (until <= now) this.#forget(segment);
    const changed = [...this.#changed];
    const written = new Map<string, number>();
    for (const segment of isWhole ? this.#wanted.keys() : changed) {
      const until = this.#wanted.get(segment);
      if (until !== undefined) written.set(segment, until);
    }
    const key = `${LEASES}${this.owner}-${this.#written++}`;
    await this.limit.run(() => this.store.put(key, encodeLease(written)));
    for (const [segment, until] of written) this.#stored.set(segment, until);
    for (const segment of changed)
      if (this.#wanted.get(segment) === written.get(segment)) this.#changed.delete(segment);
    const old = isWhole ? this.#parts : [];
    this.#parts = isWhole ? [key] : [...this.#parts, key];
    // Left over ones only keep what they name until it ends.
    await Promise.allSettled(old.map((each) => this.limit.run(() => this.store.delete(each))));
  }

  #forget(segment: string): void {
    this.#wanted.delete(segment);
    this.#stored.delete(segment);
    this.#changed.delete(segment);
    this.#seen.delete(segment);
  }
}

function encodeLease(until: ReadonlyMap<string, number>): Uint8Array {
  return encoder.encode(JSON.stringify({ version: 1, until: Object.fromEntries(until) }));
}

/**
 * Reads an object of a lease: until when, by segment.
 * @throws ZramError EIO: it is none, or of another version
 */
export function decodeLease(bytes: Uint8Array): Map<string, number> {
  let lease: { version?: unknown; until?: unknown } | null;
  try {
    lease = JSON.parse(decoder.decode(bytes)) as typeof lease;
  } catch (cause) {
    throw new ZramError('EIO', 'a lease is damaged: it is no JSON.', undefined, { cause });
  }
  const { version, until } = typeof lease === 'object' && lease !== null ? lease : {};
  if (version !== 1 || typeof until !== 'object' || until === null || Array.isArray(until))
    throw new ZramError('EIO', 'a lease is damaged, or of another version.');
  const entries = Object.entries(until as Record<string, unknown>);
  if (entries.some(([, each]) => typeof each !== 'number')) throw new ZramError('EIO', 'a lease has a wrong time.');
  return new Map(entries as [string, number][]);
}
