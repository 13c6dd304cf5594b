/** A disk that loses what was not flushed: any part of it, in any order, as disks do when their power goes. */
import type { SyncFile } from '../../../integrations/store.js';
import { Random } from '../../support/random.js';

/** What a disk may write at once, or not. */
const SECTOR = 512;

type Pending = { readonly at: number; readonly bytes: Uint8Array } | { readonly size: number };

export class ModelDisk implements SyncFile {
  /** What a program reads. */
  #bytes = new Uint8Array(0);
  #size = 0;
  /** What is safe. */
  #safe: Uint8Array;
  #pending: Pending[] = [];
  closed = false;
  /** Bytes written, and flushes. */
  written = 0;
  flushes = 0;
  /** Most bytes of the file. */
  quota = Infinity;
  /** Called before each write, cut and flush: throws to make it fail. */
  before: (call: string) => void = () => undefined;
  /** Called after each write, cut and flush. */
  after: (call: string) => void = () => undefined;

  constructor(safe: Uint8Array = new Uint8Array(0)) {
    this.#safe = safe;
    this.#bytes = safe.slice();
    this.#size = safe.length;
  }

  read(buffer: Uint8Array, { at }: { at: number }): number {
    const part = this.#bytes.subarray(Math.min(at, this.#size), Math.min(this.#size, at + buffer.length));
    buffer.set(part);
    return part.length;
  }

  write(buffer: Uint8Array, { at }: { at: number }): number {
    this.before('write');
    if (at + buffer.length > this.quota) throw new DOMException('the quota is used up', 'QuotaExceededError');
    this.#pending.push({ at, bytes: buffer.slice() });
    this.#room(at + buffer.length);
    this.#bytes.set(buffer, at);
    this.#size = Math.max(this.#size, at + buffer.length);
    this.written += buffer.length;
    this.after('write');
    return buffer.length;
  }

  truncate(size: number): void {
    this.before('truncate');
    this.#pending.push({ size });
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#room(size);
    this.#size = size;
    this.after('truncate');
  }

  flush(): void {
    this.before('flush');
    this.#pending = [];
    this.#safe = this.content();
    this.flushes++;
    this.after('flush');
  }

  getSize(): number {
    return this.#size;
  }

  close(): void {
    this.closed = true;
  }

  #room(size: number): void {
    if (size <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * size);
    larger.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = larger;
  }

  /** All that was written. */
  content(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }

  get pendingBytes(): number {
    return this.#pending.reduce((sum, one) => sum + ('bytes' in one ? one.bytes.length : 0), 0);
  }

  /** What is there when the power goes now: of what was not flushed some sectors, some in part. */
  crashed(random: Random): ModelDisk {
    const disk = new ModelDisk(this.#safe);
    const kept = random.pick([0, 20, 50, 80, 100]);
    for (const one of this.#pending) {
      if ('size' in one) {
        if (random.chance(kept)) disk.truncate(one.size);
        continue;
      }
      for (let from = 0; from < one.bytes.length;) {
        const end = Math.min(one.bytes.length, (Math.floor((one.at + from) / SECTOR) + 1) * SECTOR - one.at);
        const torn = random.chance(5) ? random.between(from, end) : end;
        if (random.chance(kept)) disk.write(one.bytes.subarray(from, torn), { at: one.at + from });
        from = end;
      }
    }
    return new ModelDisk(disk.content());
  }

  /** What is there when only the first bytes were written, in their order. */
  cutAfter(bytes: number): ModelDisk {
    const disk = new ModelDisk(this.#safe);
    for (const one of this.#pending) {
      if ('size' in one) disk.truncate(one.size);
      else {
        const part = one.bytes.subarray(0, bytes);
        if (part.length > 0) disk.write(part, { at: one.at });
        bytes -= part.length;
      }
      if (bytes <= 0) break;
    }
    return new ModelDisk(disk.content());
  }
}
