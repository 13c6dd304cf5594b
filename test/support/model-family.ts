/**
 * A device, its snapshots and clones, across the borders of the chunks of 512 pages that they share, beside an
 * obviously right model: for each, the number of the content of every page. Any of them may end at any time.
 */
import fc from 'fast-check';
import { Zram, ZramError, type Engine, type ZramSnapshot, type ZsPool } from '../../bindings/index.js';
import { equal, fail, objectsOf, sumOf } from './model-checks.js';
import { PAGES } from './model-zram-operations.js';
import { sameBytes } from './pages.js';
import { checkPools } from './raw-core.js';

const PAGE_SIZE = 4096;
/** Two chunks and a part of a third. */
const DISK_PAGES = 1100;
const MEMBERS_MAX = 8;
/** By number: nothing, then same-filled pages of both kinds, compressible ones and one that is not. */
const CONTENTS = [new Uint8Array(PAGE_SIZE), ...[1, 3, 5, 9, 10, 14].map((n) => PAGES[n])];
/** Where something may go wrong: at the ends of chunks. */
const BORDERS = [0, 1, 2, 510, 511, 512, 513, 514, 1022, 1023, 1024, 1025, 1098, 1099];

export type FamilyOperation = { readonly member: number } & (
  | { op: 'write'; first: number; count: number; content: number }
  | { op: 'discard'; first: number; count: number }
  | { op: 'restore' | 'diff'; other: number }
  | { op: 'snapshot' | 'clone' | 'end' | 'idle' | 'merge' | 'recompress' }
  | { op: 'compact'; inPageOrder: boolean }
);

export function familyOperation(): fc.Arbitrary<FamilyOperation> {
  const member = fc.nat({ max: MEMBERS_MAX - 1 });
  const first = fc.constantFrom(...BORDERS);
  const count = fc.constantFrom(1, 1, 1, 2, 3, 10, 511, 512, 513, DISK_PAGES);
  const content = fc.integer({ min: 1, max: CONTENTS.length - 1 });
  const op = <Op extends string>(name: Op) => ({ member, op: fc.constant(name) });
  const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
  return fc.oneof(
    weighted(12, fc.record({ ...op('write'), first, count, content })),
    weighted(6, fc.record({ ...op('discard'), first, count })),
    weighted(6, fc.record(op('snapshot'))),
    weighted(4, fc.record(op('clone'))),
    weighted(5, fc.record({ ...op('restore'), other: member })),
    weighted(3, fc.record({ ...op('diff'), other: member })),
    weighted(4, fc.record(op('end'))),
    weighted(2, fc.record(op('idle'))),
    weighted(2, fc.record(op('merge'))),
    weighted(1, fc.record(op('recompress'))),
    weighted(1, fc.record({ ...op('compact'), inPageOrder: fc.boolean() })),
  );
}

interface Member {
  readonly one: Zram | ZramSnapshot;
  readonly pages: Uint8Array;
}

export class ModelFamily {
  readonly #members: Member[] = [];
  /** What happened, for the test to see that it did. */
  readonly seen = new Map<string, number>();

  constructor(
    readonly engine: Engine,
    readonly pool: ZsPool,
  ) {
    this.#add();
  }

  #add(): void {
    const { engine, pool } = this;
    const recompAlgorithms = [{ algo: 'lz4hc', favorDecSpeed: 6 }, 'deflate'];
    const one = engine.createZram({ disksize: DISK_PAGES * PAGE_SIZE, pool, recompAlgorithms });
    this.#members.push({ one, pages: new Uint8Array(DISK_PAGES) });
  }

  run(operation: FamilyOperation): void {
    const member = this.#members[operation.member % this.#members.length];
    this.#try(operation.op, () => {
      this.#act(member, operation);
    });
    this.#check();
  }

  /** Runs what may find no memory, and then has changed nothing that the model knows of. */
  #try(what: string, call: () => void): void {
    let name = what;
    try {
      call();
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'ENOMEM') throw error;
      name += ' ENOMEM';
    }
    this.seen.set(name, (this.seen.get(name) ?? 0) + 1);
  }

  #act(member: Member, operation: FamilyOperation): void {
    const { one, pages } = member;
    const other = 'other' in operation ? this.#members[operation.other % this.#members.length] : member;
    if (operation.op === 'snapshot' || operation.op === 'clone') this.#fork(member, operation.op);
    else if (operation.op === 'end') this.#end(member);
    else if (operation.op === 'diff') this.#diff(member, other);
    else if (!(one instanceof Zram)) return;
    else if (operation.op === 'write') this.#write(one, pages, operation);
    else if (operation.op === 'discard') {
      const count = Math.min(operation.count, DISK_PAGES - operation.first);
      one.discard(operation.first * PAGE_SIZE, count * PAGE_SIZE);
      pages.fill(0, operation.first, operation.first + count);
    } else if (operation.op === 'restore') {
      if (other.one instanceof Zram) return;
      one.restore(other.one);
      pages.set(other.pages);
    } else one[operation.op]();
  }

  #write(
    zram: Zram,
    pages: Uint8Array,
    { first, content, ...rest }: { first: number; count: number; content: number },
  ) {
    const count = Math.min(rest.count, DISK_PAGES - first);
    const bytes = Buffer.concat(Array.from({ length: count }, () => CONTENTS[content]));
    try {
      zram.writePages(first, bytes);
      pages.fill(content, first, first + count);
    } catch (error) {
      pages.fill(content, first, first + ((error as ZramError).pagesDone ?? 0));
      throw error;
    }
  }

  #fork({ one, pages }: Member, how: 'snapshot' | 'clone'): void {
    if (this.#members.length === MEMBERS_MAX) return;
    const made = one instanceof Zram ? one[how]() : one.clone();
    this.#members.push({ one: made, pages: pages.slice() });
  }

  #end(member: Member): void {
    member.one.destroy();
    this.#members.splice(this.#members.indexOf(member), 1);
    if (this.#members.length === 0)
      this.#try('made anew', () => {
        this.#add();
      });
    if (this.#members.length === 0) fail('an empty pool has no room for a device');
  }

  #diff(a: Member, b: Member): void {
    const differ = (index: number): boolean => a.pages[index] !== b.pages[index];
    const expected = Array.from({ length: DISK_PAGES }, (_, index) => index).filter(differ);
    const found = a.one.diff(b.one).flatMap(({ index, count }) => Array.from({ length: count }, (_, n) => index + n));
    equal(found, expected, 'diff');
  }

  #check(): void {
    checkPools(this.engine);
    for (const { one, pages } of this.#members) {
      for (const index of BORDERS) this.#read(one, index, pages[index]);
      if (!(one instanceof Zram)) continue;
      const { origDataSize, samePages } = one.mmStat;
      const same = pages.filter((content) => content === 1 || content === 2).length;
      equal([origDataSize / PAGE_SIZE, samePages], [pages.filter(Boolean).length, same], 'counters');
    }
  }

  #read(one: Zram | ZramSnapshot, index: number, content: number): void {
    // By its state, which leaves the mark of an idle page, or else by its bytes.
    if (content === 0 && one.blockState(index) !== undefined) fail(`page ${index} holds something`);
    if (one.blockState(index)?.idle) return;
    if (!sameBytes(one.readPage(index), CONTENTS[content])) fail(`page ${index} reads wrong`);
  }

  /** Every page of all, and what each takes by itself. */
  checkAll(): void {
    const used = this.#members.map(({ one }) => objectsOf(one, DISK_PAGES));
    for (const [n, { one, pages }] of this.#members.entries()) {
      const { private: own, shared } = one.memoryUse();
      const others = used.filter((_, other) => other !== n);
      const alone = [...used[n]].filter(([object]) => !others.some((other) => other.has(object)));
      equal([own + shared, own], [sumOf(used[n].values()), sumOf(alone.map(([, size]) => size))], 'memoryUse');
      for (let index = 0; index < DISK_PAGES; index++) {
        if (!sameBytes(one.readPage(index), CONTENTS[pages[index]])) fail(`page ${index} reads wrong in the end`);
      }
    }
    checkPools(this.engine);
  }

  /** Ends all; those that are left stay whole. */
  end(order: number): void {
    for (let n = order; this.#members.length > 0; n = Math.floor(n / 3) + 1) {
      const [{ one }] = this.#members.splice(n % this.#members.length, 1);
      one.destroy();
      this.#check();
    }
    equal([this.pool.totalPages, this.pool.stats().handles], [0, 0], 'the emptied pool');
  }
}
