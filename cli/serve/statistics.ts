/** What `stat` tells: the exports, their pool by the columns of mm_stat, and what merges and saves. */
import type { Engine, MmStat, Zram, ZsPool } from '../../bindings/index.js';
import { kernelColumns } from '../columns.js';
import { PAGE_BYTES } from '../page-list.js';
import type { Exports, Served } from './exports.js';
import type { Merging } from './merging.js';
import type { Saving } from './saving.js';

/** Names of the kernel where it has one. */
export interface ExportStatistics {
  readonly name: string;
  readonly size: number;
  readonly readOnly: boolean;
  readonly snapshot: boolean;
  readonly from: string | null;
  /** Connections that have chosen it. */
  readonly clients: number;
  readonly orig_data_size: number;
  readonly same_pages: number;
  readonly huge_pages: number;
  readonly failed_reads: number;
  readonly failed_writes: number;
  readonly notify_free: number;
}

export interface Statistics {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly exports: readonly ExportStatistics[];
  /** The ten columns: of all exports together, or of their pool. */
  readonly mm_stat: Readonly<Record<string, number>>;
  /** Of linear memory. */
  readonly memory: { readonly used: number; readonly reserved: number; readonly limit: number };
  /** Counters of the kernel's KSM. */
  readonly ksm: Readonly<Record<string, number>>;
  /** Undefined in JSON: the server does not save. */
  readonly save?: {
    readonly file: string;
    readonly saves: number;
    readonly failures: number;
    /** Seconds since 1970; null: not yet. */
    readonly lastTime: number | null;
  };
}

export class Meter {
  /** An empty device on the pool, which has the pool's columns of mm_stat, also where all exports are snapshots. */
  readonly #device: Zram;
  readonly #start = performance.now();

  constructor(
    readonly engine: Engine,
    pool: ZsPool,
    readonly version: string,
  ) {
    this.#device = engine.createZram({ disksize: PAGE_BYTES, trackEntryActime: false, pool });
  }

  /** @param clientsOf connections by the name of an export */
  read(
    { exports, merging, saving }: { exports: Exports; merging: Merging; saving: Saving | undefined },
    clientsOf: (name: string) => number,
  ): Statistics {
    const each = [...exports.map].map(([name, served]) => statisticsOf(name, served, clientsOf(name)));
    const sum = (column: 'orig_data_size' | 'same_pages' | 'huge_pages') =>
      each.reduce((total, one) => total + one[column], 0);
    const pool = this.#device.mmStat;
    const mmStat: MmStat = {
      ...pool,
      origDataSize: sum('orig_data_size'),
      samePages: sum('same_pages'),
      hugePages: sum('huge_pages'),
      hugePagesSince: [...exports.map.values()].reduce((total, { device }) => total + hugeSince(device), 0),
    };
    const { used, reserved, limit } = this.engine.memory;
    const statistics = {
      version: this.version,
      uptimeSeconds: (performance.now() - this.#start) / 1000,
      exports: each,
      mm_stat: kernelColumns(mmStat),
      memory: { used, reserved, limit },
      ksm: ksmOf(merging),
    };
    if (saving === undefined) return statistics;
    const { target, saves, failures, lastTime } = saving;
    const seconds = lastTime === undefined ? null : lastTime / 1000;
    return { ...statistics, save: { file: target.file, saves, failures, lastTime: seconds } };
  }
}

function statisticsOf(
  name: string,
  { device, size, readOnly, from, fixed }: Served,
  clients: number,
): ExportStatistics {
  const { origDataSize, samePages, hugePages } = fixed ?? (device as Zram).mmStat;
  const io = 'ioStat' in device ? device.ioStat : { failedReads: 0, failedWrites: 0, notifyFree: 0 };
  return {
    name,
    size,
    readOnly,
    snapshot: fixed !== undefined,
    from: from ?? null,
    clients,
    orig_data_size: origDataSize,
    same_pages: samePages,
    huge_pages: hugePages,
    failed_reads: io.failedReads,
    failed_writes: io.failedWrites,
    notify_free: io.notifyFree,
  };
}

const hugeSince = (device: Served['device']): number => ('mmStat' in device ? device.mmStat.hugePagesSince : 0);

function ksmOf(merging: Merging): Record<string, number> {
  const stats = merging.stats();
  return {
    pages_shared: stats.pagesShared,
    pages_sharing: stats.pagesSharing,
    pages_unshared: stats.pagesUnshared,
    pages_volatile: stats.pagesVolatile,
    pages_skipped: stats.pagesSkipped,
    pages_scanned: stats.pagesScanned,
    full_scans: stats.fullScans,
    general_profit: stats.generalProfit,
  };
}
