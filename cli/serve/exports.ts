/** The exports of a server: devices and snapshots on one pool, by name. They come and go while it runs. */
import type { MmStat, Zram, ZramSnapshot } from '../../bindings/index.js';
import type { NbdExport } from '../../integrations/nbd.js';
import { commentOf } from '../pack-file.js';

/** An export. */
export interface Served extends NbdExport {
  readonly device: Zram | ZramSnapshot;
  readonly readOnly: boolean;
  readonly size: number;
  /** The export that it was copied from, when it was made. */
  readonly from: string | undefined;
  /** Of a snapshot, which does not change: its counters. */
  readonly fixed: Pick<MmStat, 'origDataSize' | 'samePages' | 'hugePages'> | undefined;
}

/** A refusal, by its code. */
export class ExportError extends Error {
  constructor(
    readonly code: 'EEXIST' | 'ENOENT',
    message: string,
  ) {
    super(message);
  }
}

export class Exports {
  /** Looked at by the server whenever a client asks. */
  readonly map = new Map<string, Served>();

  /** @param readOnly nothing is ever written to */
  constructor(readonly readOnly: boolean) {}

  /** @throws ExportError EEXIST; ZramError ENOMEM */
  add(name: string, device: Zram | ZramSnapshot, size = device.disksize, from?: string): Served {
    this.checkFree(name);
    const fixed = isSnapshot(device) ? countersOf(device) : undefined;
    const served = { device, size, from, fixed, readOnly: this.readOnly || isSnapshot(device) };
    this.map.set(name, served);
    return served;
  }

  /** Makes a writable copy under another name. @throws ExportError; ZramError ENOMEM */
  fork(from: string, name: string): Served {
    const { device, size } = this.get(from);
    this.checkFree(name);
    return this.add(name, device.clone(), size, from);
  }

  /** Makes a copy that stays as it is. @throws ExportError; ZramError ENOMEM */
  snapshot(from: string, name: string): Served {
    const { device, size } = this.get(from);
    this.checkFree(name);
    const copy = device.clone();
    try {
      const snapshot = copy.snapshot();
      try {
        return this.add(name, snapshot, size, from);
      } catch (error) {
        snapshot.destroy();
        throw error;
      }
    } finally {
      copy.destroy();
    }
  }

  /** Frees what no other export shares. @throws ExportError */
  remove(name: string): void {
    const { device } = this.get(name);
    this.map.delete(name);
    device.destroy();
  }

  /** @throws ExportError ENOENT */
  get(name: string): Served {
    const served = this.map.get(name);
    if (served === undefined) throw new ExportError('ENOENT', `there is no export called '${name}'`);
    return served;
  }

  /** @throws ExportError EEXIST */
  checkFree(name: string): void {
    if (this.map.has(name)) throw new ExportError('EEXIST', `two exports cannot both be called '${name}'`);
  }

  /** What a pack of them is made of. */
  saved(): { readonly devices: ReadonlyMap<string, Zram | ZramSnapshot>; readonly comment: string } {
    const entries = [...this.map];
    return {
      devices: new Map(entries.map(([name, { device }]) => [name, device])),
      comment: commentOf(
        entries.map(([name, { size }]) => ({ name, bytes: size })),
        new Map(),
      ),
    };
  }
}

/** A snapshot has no counters; a copy of it has the same pages. */
function countersOf(snapshot: ZramSnapshot): Served['fixed'] {
  const copy = snapshot.clone();
  try {
    const { origDataSize, samePages, hugePages } = copy.mmStat;
    return { origDataSize, samePages, hugePages };
  } finally {
    copy.destroy();
  }
}

export const isSnapshot = (device: Zram | ZramSnapshot): device is ZramSnapshot => !('writePage' in device);
