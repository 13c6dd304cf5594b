/** sysfs: the attributes of /sys/block/zram<id>, in the kernel's own text, with its order of checks and its errors. */
import { PAGE_SIZE, readOptions } from './arguments.js';
import { ALGORITHM_NAME_MAX } from './compressors/registered.js';
import { PRIORITIES } from './compressors/compressor.js';
import { TICK_MILLISECS } from './core.js';
import { ZramError } from './errors.js';
import { markIdle } from './post-process/idle.js';
import type { RecompressOptions } from './post-process/recompress.js';
import type { WritebackAsyncOptions } from './post-process/writeback.js';
import { describe, memparse } from './size.js';
import type { Zram } from './zram.js';
import type { ZramState } from './zram-state.js';

/**
 * The attributes of a device as text, as /sys/block/zram<id> has them on a kernel 6.18 that was built with all options
 * (Documentation/admin-guide/blockdev/zram.rst): the same formats, the same order of checks, the same errors. Beside them
 * `block_state`, which the kernel has in debugfs, `merge` of the 2022 proposal and `use_dedup` of the 2017 series.
 */
export interface Sysfs {
  /**
   * The attribute's text, newline included.
   * @param name as `list()` has it: `'mm_stat'`, `'comp_algorithm'`, …
   * @throws ZramError ENOENT: no such attribute; EINVAL: it can only be written
   */
  read(name: string): string;
  /**
   * Writes the attribute. An empty text does nothing, as a write of nothing never reaches the kernel's attribute.
   * @param name as `list()` has it: `'disksize'`, `'mem_limit'`, …
   * @param text the value, with or without a newline at its end
   * @throws ZramError ENOENT: no such attribute; EINVAL: it can only be read, or the value is wrong; EBUSY: it can only
   * be set before the disksize; E2BIG: the name of a compressor is too long; ERANGE: a number is too large
   */
  write(name: string, text: string): void;
  /** All attributes, sorted by name. */
  list(): {
    /** The file's name in sysfs. */
    readonly name: string;
    /** Whether it can be read, written, or both. */
    readonly mode: 'r' | 'w' | 'rw';
    /** A line that says what it is. */
    readonly help: string;
  }[];
}

interface Attribute {
  help: string;
  read?: () => string;
  write?: (text: string) => void;
}

export function createSysfs(state: ZramState, zram: Zram): Sysfs {
  // Made when they are first asked for: of a hundred thousand devices most are never asked.
  let made: Map<string, Attribute> | undefined;
  const attributes = (): Map<string, Attribute> => (made ??= new Map(Object.entries(attributesOf(state, zram))));
  const find = (name: string): Attribute => {
    const attribute = attributes().get(name);
    if (attribute) return attribute;
    throw new ZramError('ENOENT', `there is no attribute ${describe(name)}; sysfs.list() names those that there are.`);
  };
  return Object.freeze({
    read(name: string): string {
      const { read } = find(name);
      state.live();
      if (!read) throw new ZramError('EINVAL', `${name} can only be written.`);
      return read();
    },
    write(name: string, text: string): void {
      const { write } = find(name);
      state.live();
      if (!write) throw new ZramError('EINVAL', `${name} can only be read.`);
      if (typeof text !== 'string') throw new ZramError('EINVAL', `an attribute takes text, not ${describe(text)}.`);
      // The kernel never sees a write of nothing.
      if (text !== '') write(text);
    },
    list() {
      state.live();
      return [...attributes()].map(([name, { help, read, write }]) => ({
        name,
        mode: read && write ? ('rw' as const) : read ? ('r' as const) : ('w' as const),
        help,
      }));
    },
  });
}

function attributesOf(state: ZramState, zram: Zram): Record<string, Attribute> {
  return {
    algorithm_params: {
      help: 'parameters of a compressor: algo=NAME or priority=N, level=N, dict=PATH, deflate.winbits=N',
      write: (text) => writeAlgorithmParams(state, text),
    },
    backing_dev: {
      help: 'where pages are written back to; set before disksize: the path of a file or block device (Node.js)',
      read: () => `${state.backing === undefined ? 'none' : (state.backing.name ?? 'backing')}\n`,
      write: (text) => {
        if (state.stored) throw new ZramError('EBUSY', 'backing_dev can only be set before disksize.');
        state.setBackingFile(text.replace(/\n$/, ''));
      },
    },
    bd_stat: {
      help: 'bd_count bd_reads bd_writes, in pages',
      read: () => `${Object.values(zram.bdStat).map(column).join(' ')}\n`,
    },
    block_state: {
      help: 'a line for each stored page: index, access time, and the flags s w h i r n',
      read: () => blockState(state, zram),
    },
    comp_algorithm: {
      help: 'the compressors, the chosen one in brackets; set before disksize',
      read: () => `${algorithms(state, state.algorithm)}\n`,
      write: (text) => writeAlgorithm(state, 0, text, 'comp_algorithm'),
    },
    compact: {
      help: 'write anything: move objects together and free what becomes empty',
      write: () => {
        zram.compact();
      },
    },
    debug_stat: { help: 'version, and frees that were missed', read: () => debugStat(zram.debugStat.missFree) },
    disksize: {
      help: 'bytes of the disk, or with suffixes K, M, G; writing it initialises the device',
      read: () => `${(state.stored?.pages ?? 0) * PAGE_SIZE}\n`,
      write: (text) => {
        const bytes = memparse(text)?.bytes ?? 0;
        if (bytes === 0)
          throw new ZramError('EINVAL', `disksize takes bytes, as 1073741824 or 1G, not ${describe(text)}.`);
        zram.init(bytes);
      },
    },
    idle: {
      help: 'all, or seconds since the last access: mark such pages as idle',
      write: (text) => markIdle(state, idleOf(text)),
    },
    initstate: { help: '1 when the device has a disksize', read: () => `${state.stored ? 1 : 0}\n` },
    io_stat: { help: 'failed_reads failed_writes invalid_io notify_free', read: () => ioStat(zram.ioStat) },
    mem_limit: {
      help: 'most bytes of the pool, 0 = no limit',
      write: (text) => {
        const parsed = memparse(text);
        if (!parsed) throw new ZramError('EINVAL', `mem_limit takes bytes, as 1048576 or 1M, not ${describe(text)}.`);
        state.setLimit(parsed.bytes);
      },
    },
    mem_used_max: {
      help: 'write 0: mem_used_max of mm_stat becomes what is used now',
      write: (text) => {
        if (!/^\+?0+\n?$/.test(text))
          throw new ZramError('EINVAL', `mem_used_max takes 0 only, not ${describe(text)}.`);
        if (state.stored) state.core.raw.zramResetMaxUsed(state.stored.address);
      },
    },
    merge: {
      help: 'write anything: store identical pages once',
      write: () => {
        zram.merge();
      },
    },
    mm_stat: {
      help: 'the nine columns of the kernel, and pages_merged; with use_dedup dup_data_size and meta_data_size',
      read: () => {
        const columns = Object.values(zram.mmStat).map(column);
        return `${columns.slice(0, state.dedup ? 12 : 10).join(' ')}\n`;
      },
    },
    recomp_algorithm: {
      help: 'compressors for recompress: algo=NAME priority=1..3; set before disksize',
      read: () => {
        const lines = state.algorithms.map((one, priority) => one && `#${priority}: ${algorithms(state, one.name)}\n`);
        return lines.slice(1).join('');
      },
      write: (text) => writeRecompAlgorithm(state, text),
    },
    recompress: {
      help: 'compress pages again: type=idle|huge|huge_idle threshold=BYTES max_pages=N algo=NAME priority=N',
      write: (text) => {
        zram.recompress(recompressOf(text));
      },
    },
    reset: {
      help: 'write 1: free everything, uninitialised again',
      write: (text) => {
        const value = /^\+?([0-9]+)\n?$/.exec(text)?.[1];
        if (value === undefined) throw new ZramError('EINVAL', `reset takes a number, not ${describe(text)}.`);
        const number = Number(value);
        if (number > 0xffff) throw new ZramError('ERANGE', `reset takes a number up to 65535, not ${describe(value)}.`);
        if (number === 0) throw new ZramError('EINVAL', 'reset takes a number other than 0.');
        zram.reset();
      },
    },
    use_dedup: {
      help: '1: share pages that are stored already instead of compressing them; set before disksize',
      read: () => `${state.dedup ? 1 : 0}\n`,
      write: (text) => {
        const value = /^\+?([01])\n?$/.exec(text)?.[1];
        if (value === undefined) throw new ZramError('EINVAL', `use_dedup takes 0 or 1, not ${describe(text)}.`);
        if (state.stored) throw new ZramError('EBUSY', 'use_dedup can only be set before disksize.');
        state.dedup = value === '1';
      },
    },
    writeback: {
      help: 'write pages back: idle, huge, huge_idle, incompressible, type=TYPE, page_index=N or page_indexes=LO-HI',
      write: (text) => {
        zram.writeback(writebackOf(text));
      },
    },
    writeback_limit: {
      help: 'pages that may still be written back, while writeback_limit_enable is 1',
      read: () => `${state.writebackLimit}\n`,
      write: (text) => {
        state.writebackLimit = parseUnsigned(text, 'writeback_limit');
      },
    },
    writeback_limit_enable: {
      help: '1: writeback_limit counts',
      read: () => `${state.writebackLimitEnable ? 1 : 0}\n`,
      write: (text) => {
        state.writebackLimitEnable = parseUnsigned(text, 'writeback_limit_enable') !== 0;
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
  // invalid_io is the kernel's literal 0: block devices of today refuse such I/O earlier.
  return `${column(failedReads)} ${column(failedWrites)} 0 ${column(notifyFree)}\n`;
}

function debugStat(missFree: number): string {
  return `version: 1\n0 ${column(missFree)}\n`;
}

/** The names of all compressors, a space behind each, the chosen one in brackets. */
function algorithms(state: ZramState, chosen: string): string {
  return state.core.codecs
    .names()
    .map((name) => (name === chosen ? `[${name}] ` : `${name} `))
    .join('');
}

/** As debugfs has it: only pages that are stored, and the access time in seconds and microseconds since the engine began. */
function blockState(state: ZramState, zram: Zram): string {
  const { stored } = state;
  if (!stored) return '';
  const { raw } = stored.core;
  const lines: string[] = [];
  for (let index = 0; index < stored.pages; index++) {
    index = raw.zramNextSlot(stored.address, index, 0, 0) >>> 0;
    const block = index < stored.pages && zram.blockState(index);
    if (!block) break;
    const ticks = stored.tracksTime ? raw.zramSlotTime(stored.address, index) >>> 0 : 0;
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

function writeAlgorithm(state: ZramState, priority: number, text: string, attribute: string): void {
  const name = text.replace(/\n$/, '');
  // The kernel's limit is for what is written, line end included.
  if (text.length >= ALGORITHM_NAME_MAX) {
    throw new ZramError('E2BIG', `the name of a compressor has fewer than ${ALGORITHM_NAME_MAX} characters.`);
  }
  state.core.codecs.check(name, attribute);
  if (state.stored) throw new ZramError('EBUSY', `${attribute} can only be set before disksize.`);
  state.setAlgorithm(priority, name, attribute);
}

function writeRecompAlgorithm(state: ZramState, text: string): void {
  const { algo, priority } = wordsOf(text, 'recomp_algorithm');
  const number = priority === undefined ? 1 : parseInt10(priority, 'recomp_algorithm', 'priority');
  if (number < 1 || number >= PRIORITIES) {
    throw new ZramError('EINVAL', `recomp_algorithm: priority must be from 1 to ${PRIORITIES - 1}, not ${number}.`);
  }
  if (algo === undefined) throw new ZramError('EINVAL', 'recomp_algorithm: algo=NAME is missing.');
  writeAlgorithm(state, number, algo, 'recomp_algorithm');
}

function writeAlgorithmParams(state: ZramState, text: string): void {
  const words = wordsOf(text, 'algorithm_params');
  const number = (name: string): number | undefined =>
    words[name] === undefined ? undefined : parseInt10(words[name], 'algorithm_params', name);
  const [level, winbits] = [number('level'), number('deflate.winbits')];
  let priority = number('priority') ?? 0;
  if (priority < 0 || priority >= PRIORITIES) {
    throw new ZramError('EINVAL', `algorithm_params: priority must be from 0 to ${PRIORITIES - 1}, not ${priority}.`);
  }
  if (words.algo !== undefined) {
    priority = state.algorithms.findIndex((one) => one?.name === words.algo);
    if (priority < 0) {
      throw new ZramError('EINVAL', `algorithm_params: ${describe(words.algo)} is none of the device's compressors.`);
    }
  }
  const dictionary = words.dict === undefined ? undefined : readDictionary(words.dict);
  state.setParams(priority, { level, dictionary, winbits });
}

function readDictionary(path: string): Uint8Array {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const fs = process?.getBuiltinModule?.('node:fs') as { readFileSync(path: string): Uint8Array } | undefined;
  if (!fs) throw new ZramError('EINVAL', 'algorithm_params: there are no files here; give the option dictionary.');
  try {
    return new Uint8Array(fs.readFileSync(path));
  } catch (error) {
    throw new ZramError('EINVAL', `algorithm_params: the dictionary cannot be read: ${String(error)}.`);
  }
}

/** What `idle` is told, from an attribute's text too. */
export function idleOf(what: unknown): unknown {
  if (typeof what === 'object' && what !== null) {
    const { age = 'all' } = readOptions<{ age?: unknown }>(what, ['age'], 'idle');
    return age;
  }
  if (typeof what !== 'string') return what;
  const text = what.replace(/\n$/, '');
  return /^\+?[0-9]+$/.test(text) ? Number(text) : text;
}

/** What `recompress` is told, from an attribute's text too. */
export function recompressOf(options: RecompressOptions | string): RecompressOptions {
  if (typeof options !== 'string') return options;
  const words = wordsOf(options, 'recompress');
  const number = (name: string): number | undefined =>
    words[name] === undefined ? undefined : parseUnsigned(words[name], `recompress: ${name}`);
  return {
    type: words.type as RecompressOptions['type'],
    threshold: number('threshold'),
    maxPages: number('max_pages'),
    algo: words.algo,
    priority: number('priority'),
  };
}

/** What `writeback` is told, from an attribute's text too. */
export function writebackOf(options: WritebackAsyncOptions | string | undefined): WritebackAsyncOptions {
  if (typeof options !== 'string') return options ?? {};
  const words = options.split(/\s+/).filter((word) => word !== '');
  const pageIndexes: (number | [number, number])[] = [];
  let type: string | undefined;
  for (const word of words) {
    if (words.length === 1 && !word.includes('=')) {
      type = word;
      break;
    }
    const [key, value] = keyAndValue(word, 'writeback');
    if (key === 'type') type = value;
    else if (key === 'page_index') pageIndexes.push(parseUnsigned(value, 'writeback: page_index'));
    else if (key === 'page_indexes') pageIndexes.push(parseRange(value));
    else throw new ZramError('EINVAL', `writeback does not know ${describe(key)}.`);
  }
  return {
    type: type as WritebackAsyncOptions['type'],
    pageIndexes: pageIndexes.length > 0 || type === undefined ? pageIndexes : undefined,
  };
}

function parseRange(value: string): [number, number] {
  const [low = '', high = ''] = value.split('-', 2);
  return [parseUnsigned(low, 'writeback: page_indexes'), parseUnsigned(high, 'writeback: page_indexes')];
}

/** The words KEY=VALUE of a text. Unknown keys are passed over, as the kernel does. */
function wordsOf(text: string, attribute: string): Record<string, string | undefined> {
  const words: Record<string, string | undefined> = Object.create(null) as Record<string, string | undefined>;
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const [key, value] = keyAndValue(word, attribute);
    words[key] = value;
  }
  return words;
}

function keyAndValue(word: string, attribute: string): [key: string, value: string] {
  const [, key = '', value = ''] = /^([^=]*)=?(.*)$/.exec(word) ?? [];
  if (key === '') throw new ZramError('EINVAL', `${attribute}: ${describe(word)} has no key.`);
  if (value === '') throw new ZramError('EINVAL', `${attribute}: ${describe(key)} has no value.`);
  return [key, value];
}

function parseInt10(value: string, attribute: string, key: string): number {
  if (!/^[+-]?[0-9]+$/.test(value)) {
    throw new ZramError('EINVAL', `${attribute}: ${key} takes a whole number, not ${describe(value)}.`);
  }
  const number = Number(value);
  if (number >= -(2 ** 31) && number < 2 ** 31) return number;
  throw new ZramError('ERANGE', `${attribute}: ${key} takes a number of 32 bits, not ${describe(value)}.`);
}

function parseUnsigned(text: string, what: string): number {
  const value = text.replace(/\n$/, '');
  if (/^\+?[0-9]+$/.test(value) && Number.isSafeInteger(Number(value))) return Number(value);
  throw new ZramError('EINVAL', `${what} takes a whole number of 0 or more, not ${describe(text)}.`);
}
