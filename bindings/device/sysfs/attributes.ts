/** The attributes: what each shows, and the effect of writing it. */
import { PAGE_SIZE } from '../../base/arguments.js';
import { ZramError } from '../../base/errors.js';
import { describe } from '../../base/messages.js';
import { memparse } from '../../base/size.js';
import { PRIORITIES } from '../../compressors/compressor.js';
import { ALGORITHM_NAME_MAX } from '../../compressors/registered.js';
import { TICK_MILLISECS } from '../../core/core.js';
import type { BlockState } from '../block-state.js';
import type { Device } from '../device.js';
import { markIdle } from '../post-process/idle.js';
import type { RecompressOptions } from '../post-process/recompress.js';
import type { WritebackAsyncOptions } from '../post-process/writeback.js';
import type { BdStat, DebugStat, IoStat, MmStat } from '../stats.js';
import { idleOf, parseBoolean, parseInt10, parseUnsigned, recompressOf, wordsOf, writebackOf } from './text.js';

/** The members of a device that attributes show or call. */
export interface SysfsActions {
  readonly bdStat: BdStat;
  readonly debugStat: DebugStat;
  readonly ioStat: IoStat;
  readonly mmStat: MmStat;
  blockState(index: number): BlockState | undefined;
  compact(): unknown;
  init(disksize: number): void;
  merge(): unknown;
  recompress(options: RecompressOptions): unknown;
  reset(): void;
  writeback(options: WritebackAsyncOptions): unknown;
}

export interface Attribute {
  help: string;
  read?: () => string;
  write?: (text: string) => void;
}

/** All attributes of the device's kernel, by name. */
export function attributesOf(device: Device, actions: SysfsActions): Record<string, Attribute> {
  const all: Attributes = {
    ...lifeAttributes(device, actions),
    ...compressorAttributes(device),
    ...memoryAttributes(device, actions),
    ...pageAttributes(device, actions),
    ...statAttributes(device, actions),
  };
  return Object.fromEntries(Object.entries(all).filter(([name]) => !device.kernel.attributesAbsent.includes(name)));
}

type Attributes = Record<string, Attribute>;

/** The disk: its size, its backing, its state. */
function lifeAttributes(device: Device, actions: SysfsActions): Attributes {
  return {
    backing_dev: {
      help: 'where pages are written back to: the path of a file or block device (Node.js); set before disksize',
      read: () => `${device.backing === undefined ? 'none' : (device.backing.name ?? 'backing')}\n`,
      write: (text) => {
        if (device.disk) throw new ZramError('EBUSY', 'cannot set backing_dev after disksize: reset the device first.');
        device.setBackingFile(text.replace(/\n$/, ''));
      },
    },
    disksize: {
      help: 'size of the disk in bytes, or with suffix K, M or G; writing it initialises the device',
      read: () => `${(device.disk?.pages ?? 0) * PAGE_SIZE}\n`,
      write: (text) => {
        const bytes = memparse(text)?.bytes ?? 0;
        if (bytes === 0)
          throw new ZramError('EINVAL', `disksize must be a size such as 1073741824 or 1G, not ${describe(text)}.`);
        actions.init(bytes);
      },
    },
    initstate: { help: '1 if the device has a disksize, else 0', read: () => `${device.disk ? 1 : 0}\n` },
    reset: {
      help: 'write 1: free everything and make the device uninitialised',
      write: (text) => {
        const value = /^\+?([0-9]+)\n?$/.exec(text)?.[1];
        if (value === undefined) throw new ZramError('EINVAL', `reset must be a number, not ${describe(text)}.`);
        const number = Number(value);
        if (number > 0xffff) throw new ZramError('ERANGE', `reset must be at most 65535, not ${describe(value)}.`);
        if (number === 0) throw new ZramError('EINVAL', 'reset must be a number other than 0: write 1.');
        actions.reset();
      },
    },
  };
}

/** Compression and deduplication. */
function compressorAttributes(device: Device): Attributes {
  return {
    algorithm_params: {
      help: 'parameters: algo=NAME or priority=N, level=N, dict=PATH, deflate.winbits=N, lz4hc.favor_dec_speed=N',
      write: (text) => writeAlgorithmParams(device, text),
    },
    comp_algorithm: {
      help: 'the compressors, the chosen one in brackets; set before disksize',
      read: () => `${algorithms(device, device.algorithm)}\n`,
      write: (text) => writeAlgorithm(device, 0, text, 'comp_algorithm'),
    },
    recomp_algorithm: {
      help: 'compressors for recompress: algo=NAME priority=1..3; set before disksize',
      read: () => {
        const lines = device.algorithms.map(
          (one, priority) => one && `#${priority}: ${algorithms(device, one.name)}\n`,
        );
        return lines.slice(1).join('');
      },
      write: (text) => writeRecompAlgorithm(device, text),
    },
    use_dedup: {
      help: '1: share pages that are stored already instead of compressing them; set before disksize',
      read: () => `${device.dedup ? 1 : 0}\n`,
      write: (text) => {
        const value = /^\+?([01])\n?$/.exec(text)?.[1];
        if (value === undefined) throw new ZramError('EINVAL', `use_dedup must be 0 or 1, not ${describe(text)}.`);
        if (device.disk) throw new ZramError('EBUSY', 'cannot set use_dedup after disksize: reset the device first.');
        device.dedup = value === '1';
      },
    },
  };
}

/** Memory: limits, and how to free it. */
function memoryAttributes(device: Device, actions: SysfsActions): Attributes {
  return {
    compact: {
      help: 'write anything: compact the pool and free the zspages that become empty',
      write: () => {
        actions.compact();
      },
    },
    mem_limit: {
      help: 'most bytes of the pool, 0 = no limit',
      write: (text) => {
        const parsed = memparse(text);
        if (!parsed)
          throw new ZramError('EINVAL', `mem_limit must be a size such as 1048576 or 1M, not ${describe(text)}.`);
        device.setLimit(parsed.bytes);
      },
    },
    mem_used_max: {
      help: 'write 0: reset mem_used_max of mm_stat to the current use',
      write: (text) => {
        if (!/^\+?0+\n?$/.test(text)) throw new ZramError('EINVAL', `mem_used_max must be 0, not ${describe(text)}.`);
        if (device.disk) device.core.raw.zramResetMaxUsed(device.disk.address);
      },
    },
    merge: {
      help: 'write anything: store identical pages once',
      write: () => {
        actions.merge();
      },
    },
  };
}

/** Pages: idle marks, recompression and writeback. */
function pageAttributes(device: Device, actions: SysfsActions): Attributes {
  return {
    block_state: {
      help: 'a line for each stored page: index, access time and the flags s w h i r n',
      read: () => blockState(device, actions),
    },
    idle: {
      help: 'mark pages as idle: all, or those not accessed for this many seconds',
      write: (text) => markIdle(device, idleOf(text)),
    },
    recompress: {
      help: 'compress pages again: type=idle|huge|huge_idle threshold=BYTES max_pages=N algo=NAME priority=N',
      write: (text) => {
        actions.recompress(recompressOf(text));
      },
    },
    writeback: {
      help: 'write pages back: idle, huge, huge_idle, incompressible, type=TYPE, page_index=N or page_indexes=LO-HI',
      write: (text) => {
        actions.writeback(writebackOf(text, device.kernel));
      },
    },
    ...batchAttributes(device),
    writeback_limit: {
      help: 'pages that may still be written back, while writeback_limit_enable is 1',
      read: () => `${device.writebackLimit}\n`,
      write: (text) => {
        device.writebackLimit = parseUnsigned(text, 'writeback_limit');
      },
    },
    writeback_limit_enable: {
      help: '1: writeback_limit counts',
      read: () => `${device.writebackLimitEnable ? 1 : 0}\n`,
      write: (text) => {
        device.writebackLimitEnable = parseUnsigned(text, 'writeback_limit_enable') !== 0;
      },
    },
  };
}

/** How writeback writes, since kernel 7.0. */
function batchAttributes(device: Device): Attributes {
  return {
    compressed_writeback: {
      help: '1: objects are written back as they are stored; set before disksize',
      read: () => `${device.compressedWriteback ? 1 : 0}\n`,
      write: (text) => {
        const value = parseBoolean(text, 'compressed_writeback');
        if (device.disk)
          throw new ZramError('EBUSY', 'cannot set compressed_writeback after disksize: reset the device first.');
        device.compressedWriteback = value;
      },
    },
    writeback_batch_size: {
      help: 'most writes of a writeback in flight',
      read: () => `${device.writesInFlight}\n`,
      write: (text) => device.setWritebackBatchSize(parseUnsigned(text, 'writeback_batch_size', 32)),
    },
  };
}

/** Counters. */
function statAttributes(device: Device, actions: SysfsActions): Attributes {
  return {
    bd_stat: {
      help: 'bd_count bd_reads bd_writes, in pages',
      read: () => `${Object.values(actions.bdStat).map(column).join(' ')}\n`,
    },
    debug_stat: { help: 'version, and the number of missed frees', read: () => debugStat(actions.debugStat.missFree) },
    io_stat: { help: 'failed_reads failed_writes invalid_io notify_free', read: () => ioStat(actions.ioStat) },
    mm_stat: {
      help: 'the nine columns of the kernel, and pages_merged; with use_dedup dup_data_size and meta_data_size',
      read: () => {
        const columns = Object.values(actions.mmStat).map(column);
        return `${columns.slice(0, device.dedup ? 12 : 10).join(' ')}\n`;
      },
    },
  };
}

// ── texts ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A column of mm_stat and io_stat: right-aligned to eight. */
function column(value: number): string {
  return String(value).padStart(8);
}

function ioStat({
  failedReads,
  failedWrites,
  notifyFree,
}: {
  failedReads: number;
  failedWrites: number;
  notifyFree: number;
}): string {
  // invalid_io is a literal 0 in the kernel too, where the block layer refuses such I/O earlier.
  return `${column(failedReads)} ${column(failedWrites)} 0 ${column(notifyFree)}\n`;
}

function debugStat(missFree: number): string {
  return `version: 1\n0 ${column(missFree)}\n`;
}

/** The names of all compressors in the order of the kernel, then others, each followed by a space, the chosen one in brackets. */
function algorithms(device: Device, chosen: string): string {
  const { compressors, compressorsUnlisted } = device.kernel;
  const names = device.core.codecs.names();
  const others = names.filter((name) => !compressors.includes(name));
  return [...compressors.filter((name) => names.includes(name)), ...others]
    .filter((name) => name === chosen || !compressorsUnlisted.includes(name))
    .map((name) => (name === chosen ? `[${name}] ` : `${name} `))
    .join('');
}

/**
 * As debugfs has it: only pages that are stored, and the access time in seconds and microseconds since the engine
 * began.
 */
function blockState(device: Device, actions: SysfsActions): string {
  const { disk } = device;
  if (!disk) return '';
  const { raw } = disk.core;
  const lines: string[] = [];
  for (let index = 0; index < disk.pages; index++) {
    index = raw.zramNextSlot(disk.address, index, 0, 0) >>> 0;
    const block = index < disk.pages && actions.blockState(index);
    if (!block) break;
    const ticks = disk.tracksTime ? raw.zramSlotTime(disk.address, index) >>> 0 : 0;
    const millisecs = ticks * TICK_MILLISECS;
    const time = `${String(Math.floor(millisecs / 1000)).padStart(12)}.${String((millisecs % 1000) * 1000).padStart(6, '0')}`;
    const { same, writtenBack, huge, idle, recompressed, incompressible } = block;
    const flags = [same, writtenBack, huge, idle, recompressed, incompressible];
    const letters = flags.map((is, n) => (is ? 'swhirn'.charAt(n) : '.')).join('');
    lines.push(`${String(index).padStart(12)} ${time} ${letters}\n`);
  }
  return lines.join('');
}

// ── what is written ──────────────────────────────────────────────────────────────────────────────────────────────

function writeAlgorithm(device: Device, priority: number, text: string, attribute: string): void {
  const name = text.replace(/\n$/, '');
  // The kernel limits the text that is written, including its newline.
  if (text.length >= ALGORITHM_NAME_MAX) {
    throw new ZramError('E2BIG', `the name of a compressor must have fewer than ${ALGORITHM_NAME_MAX} characters.`);
  }
  device.core.codecs.check(name, attribute);
  if (device.disk) throw new ZramError('EBUSY', `cannot set ${attribute} after disksize: reset the device first.`);
  device.setAlgorithm(priority, name, attribute);
}

function writeRecompAlgorithm(device: Device, text: string): void {
  const { algo, priority } = wordsOf(text, 'recomp_algorithm');
  const number = priority === undefined ? 1 : parseInt10(priority, 'recomp_algorithm', 'priority');
  if (number < 1 || number >= PRIORITIES) {
    throw new ZramError('EINVAL', `recomp_algorithm: priority must be from 1 to ${PRIORITIES - 1}, not ${number}.`);
  }
  if (algo === undefined) throw new ZramError('EINVAL', 'recomp_algorithm must include algo=NAME.');
  writeAlgorithm(device, number, algo, 'recomp_algorithm');
}

function writeAlgorithmParams(device: Device, text: string): void {
  const { kernel } = device;
  const words = wordsOf(text, 'algorithm_params');
  const number = (name: string): number | undefined =>
    words[name] === undefined ? undefined : parseInt10(words[name], 'algorithm_params', name);
  const [level, winbits] = [number('level'), kernel.paramsWinbits ? number('deflate.winbits') : undefined];
  const favorDecSpeed = number('lz4hc.favor_dec_speed');
  const named = number('priority');
  if (device.disk && !kernel.paramsAfterInit) {
    throw new ZramError(
      'EBUSY',
      `cannot set algorithm_params after disksize on kernel ${kernel.version}: reset the device first.`,
    );
  }
  const priority = priorityOf(device, named, words.algo);
  const dictionary = words.dict === undefined ? undefined : readDictionary(words.dict);
  device.setParams(priority, { level, dictionary, winbits, favorDecSpeed });
}

/** Which compressor `algorithm_params` is for: by its name, by its priority, or by both. */
function priorityOf(device: Device, named: number | undefined, algo: string | undefined): number {
  if (algo !== undefined && (named === undefined || !device.kernel.paramsMustAgree)) {
    const found = device.algorithms.findIndex((one) => one?.name === algo);
    if (found >= 0) return found;
    throw new ZramError(
      'EINVAL',
      `algorithm_params: algo must be one of the device's compressors, not ${describe(algo)}.`,
    );
  }
  const priority = named ?? 0;
  if (priority < 0 || priority >= PRIORITIES) {
    throw new ZramError('EINVAL', `algorithm_params: priority must be from 0 to ${PRIORITIES - 1}, not ${priority}.`);
  }
  if (algo === undefined || device.algorithms[priority]?.name === algo) return priority;
  throw new ZramError(
    'EINVAL',
    `algorithm_params: algo must be the compressor of priority ${priority}, not ${describe(algo)}.`,
  );
}

function readDictionary(path: string): Uint8Array {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const fs = process?.getBuiltinModule?.('node:fs') as { readFileSync(path: string): Uint8Array } | undefined;
  if (!fs)
    throw new ZramError(
      'EINVAL',
      'algorithm_params: files need Node.js, which this is not: pass the option dictionary.',
    );
  try {
    return new Uint8Array(fs.readFileSync(path));
  } catch (error) {
    throw new ZramError('EINVAL', `algorithm_params: cannot read the dictionary: ${String(error)}.`);
  }
}
