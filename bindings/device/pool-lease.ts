/** The pool of a device, its snapshots and its clones: one of their own, or one that the caller passed. */
import type { Core } from '../core/core.js';
import { POOL } from '../core/layout.js';
import { endPool, makePool } from '../pool/operations.js';
import type { PoolOptions } from '../pool/options.js';
import type { ZsPool } from '../zs-pool.js';

export class PoolLease {
  #users = 1;
  #hugeClassSize: number | undefined;

  private constructor(
    readonly core: Core,
    readonly address: number,
    /** The pool that the caller passed; undefined: it is the device's own and ends with its last user. */
    readonly shared: ZsPool | undefined,
  ) {}

  /** @throws ZramError EINVAL: a wrong option; ENOMEM */
  static own(core: Core, options: PoolOptions): PoolLease {
    return new PoolLease(core, makePool(core, options), undefined);
  }

  static of(core: Core, pool: ZsPool, address: number): PoolLease {
    return new PoolLease(core, address, pool);
  }

  /** As `ZsPool.hugeClassSize`, which is constant for a pool. The first read overwrites the staging area. */
  get hugeClassSize(): number {
    if (this.#hugeClassSize === undefined) {
      this.core.raw.poolStats(this.address);
      this.#hugeClassSize = this.core.number(POOL.hugeClassSize);
    }
    return this.#hugeClassSize;
  }

  retain(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users === 0 && !this.shared) endPool(this.core, this.address);
  }
}
