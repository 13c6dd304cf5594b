/** sysfs: the attributes of /sys/block/zram<id>, in the kernel's own text, with its order of checks and its errors. */
import { ZramError } from './errors.js';
import { describe, memparse } from './size.js';
import { ALGORITHMS, type ZramControl } from './zram.js';

/**
 * The attributes of a device as text, as /sys/block/zram<id> has them (Documentation/admin-guide/blockdev/zram.rst): the
 * same formats, the same order of checks, the same errors.
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

/** The kernel's limit for the name of a compressor, line end and terminating zero included (CRYPTO_MAX_ALG_NAME). */
const ALGORITHM_NAME_MAX = 128;

export function createSysfs(control: ZramControl): Sysfs {
  const attributes = new Map(Object.entries(attributesOf(control)));
  const find = (name: string): Attribute => {
    const attribute = attributes.get(name);
    if (attribute) return attribute;
    throw new ZramError(
      'ENOENT',
      `there is no attribute ${describe(name)}; there are ${[...attributes.keys()].join(', ')}.`,
    );
  };
  return Object.freeze({
    read(name: string): string {
      const { read } = find(name);
      control.checkAlive();
      if (!read) throw new ZramError('EINVAL', `${name} can only be written.`);
      return read();
    },
    write(name: string, text: string): void {
      const { write } = find(name);
      control.checkAlive();
      if (!write) throw new ZramError('EINVAL', `${name} can only be read.`);
      if (typeof text !== 'string') throw new ZramError('EINVAL', `an attribute takes text, not ${describe(text)}.`);
      // The kernel never sees a write of nothing.
      if (text !== '') write(text);
    },
    list() {
      control.checkAlive();
      return [...attributes].map(([name, { help, read, write }]) => ({
        name,
        mode: read && write ? ('rw' as const) : read ? ('r' as const) : ('w' as const),
        help,
      }));
    },
  });
}

function attributesOf(control: ZramControl): Record<string, Attribute> {
  const { zram } = control;
  return {
    algorithm_params: {
      help: 'parameters of the compressor: algo=NAME level=N',
      write: (text) => writeAlgorithmParams(control, text),
    },
    comp_algorithm: {
      help: 'the compressors, the chosen one in brackets; set before disksize',
      read: () => `${ALGORITHMS.map((name) => (name === control.algorithm() ? `[${name}]` : name)).join(' ')} \n`,
      write: (text) => writeCompAlgorithm(control, text),
    },
    compact: {
      help: 'write anything: move objects together and free what becomes empty',
      write: () => {
        initialised(control);
        zram.compact();
      },
    },
    debug_stat: { help: 'version, and frees that were missed', read: () => debugStat(zram.debugStat.missFree) },
    disksize: {
      help: 'bytes of the disk, or with suffixes K, M, G; writing it initialises the device',
      read: () => `${control.diskBytes()}\n`,
      write: (text) => {
        const bytes = memparse(text)?.bytes ?? 0;
        if (bytes === 0)
          throw new ZramError('EINVAL', `disksize takes bytes, as 1073741824 or 1G, not ${describe(text)}.`);
        if (control.initialised) throw new ZramError('EBUSY', 'the device has a disksize; write reset first.');
        zram.init(bytes);
      },
    },
    initstate: { help: '1 when the device has a disksize', read: () => `${control.initialised ? 1 : 0}\n` },
    io_stat: { help: 'failed_reads failed_writes invalid_io notify_free', read: () => ioStat(zram.ioStat) },
    mem_limit: {
      help: 'most bytes of the pool, 0 = no limit',
      write: (text) => {
        const parsed = memparse(text);
        if (!parsed) throw new ZramError('EINVAL', `mem_limit takes bytes, as 1048576 or 1M, not ${describe(text)}.`);
        control.setMemLimit(parsed.bytes);
      },
    },
    mem_used_max: {
      help: 'write 0: mem_used_max of mm_stat becomes what is used now',
      write: (text) => {
        if (!/^\+?0+\n?$/.test(text))
          throw new ZramError('EINVAL', `mem_used_max takes 0 only, not ${describe(text)}.`);
        control.resetMemUsedMax();
      },
    },
    merge: {
      help: 'write anything: store identical pages once',
      write: () => {
        initialised(control);
        zram.merge();
      },
    },
    mm_stat: {
      help: 'the nine columns of the kernel, and pages_merged; with use_dedup dup_data_size and meta_data_size',
      read: () => {
        const columns = Object.values(zram.mmStat).map(column);
        return `${columns.slice(0, control.dedup ? 12 : 10).join(' ')}\n`;
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
      read: () => `${control.dedup ? 1 : 0}\n`,
      write: (text) => {
        const value = /^\+?([01])\n?$/.exec(text)?.[1];
        if (value === undefined) throw new ZramError('EINVAL', `use_dedup takes 0 or 1, not ${describe(text)}.`);
        if (control.initialised) throw new ZramError('EBUSY', 'use_dedup can only be set before disksize.');
        control.setDedup(value === '1');
      },
    },
  };
}

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

function initialised(control: ZramControl): void {
  if (!control.initialised) throw new ZramError('EINVAL', 'the device is not initialised: give it a disksize.');
}

function writeCompAlgorithm(control: ZramControl, text: string): void {
  const name = text.replace(/\n$/, '');
  if (text.length >= ALGORITHM_NAME_MAX) {
    throw new ZramError('E2BIG', `the name of a compressor has fewer than ${ALGORITHM_NAME_MAX} characters.`);
  }
  if (!ALGORITHMS.includes(name)) {
    throw new ZramError('EINVAL', `${describe(name)} is no compressor; there are ${ALGORITHMS.join(', ')}.`);
  }
  if (control.initialised) throw new ZramError('EBUSY', 'comp_algorithm can only be set before disksize.');
  control.setAlgorithm(name);
}

/** Keys: priority (of the primary compressor, 0), algo, level. Unknown keys are passed over, as the kernel does. */
function writeAlgorithmParams(control: ZramControl, text: string): void {
  let level: number | undefined;
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const [, key = '', value = ''] = /^([^=]*)=?(.*)$/.exec(word) ?? [];
    if (key === '') throw new ZramError('EINVAL', `algorithm_params: ${describe(word)} has no key.`);
    if (value === '') throw new ZramError('EINVAL', `algorithm_params: ${describe(key)} has no value.`);
    if (key === 'level') level = parseInt10(value, key);
    if (key === 'priority' && parseInt10(value, key) !== 0) {
      throw new ZramError('EINVAL', 'algorithm_params: priority must be 0, that of the primary compressor.');
    }
    if (key === 'algo' && value !== control.algorithm()) {
      throw new ZramError('EINVAL', `algorithm_params: ${describe(value)} is not the device's compressor.`);
    }
  }
  control.setLevel(level ?? 1);
}

function parseInt10(value: string, key: string): number {
  if (!/^[+-]?[0-9]+$/.test(value)) {
    throw new ZramError('EINVAL', `algorithm_params: ${key} takes a whole number, not ${describe(value)}.`);
  }
  const number = Number(value);
  if (number >= -(2 ** 31) && number < 2 ** 31) return number;
  throw new ZramError('ERANGE', `algorithm_params: ${key} takes a number of 32 bits, not ${describe(value)}.`);
}
