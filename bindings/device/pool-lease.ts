/** The pool of a device, its snapshots and its clones: one of their own, or one that the caller passed. */
import type { Core } from '../core/core.js';
import { POOL } from '../core/layout.js';
import { endPool, makePool } from '../pool/operations.js';
import type { PoolOptions } from '../pool/options.js';
import type { ZsPool } from '../zs-pool.js';

export class PoolLease {
  #users = 1;
  /** As `ZsPool.hugeClassSize`, which never changes. */
  readonly hugeClassSize: number;

  private constructor(
    readonly core: Core,
    readonly address: number,
    /** The pool that the caller passed; undefined: it is the device's own and ends with its last user. */
    readonly shared: ZsPool | undefined,
  ) {
    core.raw.poolStats(address);
    this.hugeClassSize = core.number(POOL.hugeClassSize);
  }

  /** @throws ZramError EINVAL: a wrong option; ENOMEM */
  static own(core: Core, options: PoolOptions): PoolLease {
    return new PoolLease(core, makePool(core, options), undefined);
  }

  static of(core: Core, pool: ZsPool, address: number): PoolLease {
    return new PoolLease(core, address, pool);
  }

  retain(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users === 0 && !this.shared) endPool(this.core, this.address);
  }
}
