/** sysfs: the attributes of /sys/block/zram<id>, in the kernel's own text, with its order of checks and its errors. */
import { ZramError } from '../../base/errors.js';
import { describe } from '../../base/messages.js';
import type { Device } from '../device.js';
import { attributesOf, type Attribute, type SysfsActions } from './attributes.js';

/**
 * The attributes of a device as text, as in /sys/block/zram<id> on a kernel of the device's version, built with all options
 * (Documentation/admin-guide/blockdev/zram.rst): the same formats, the same order of checks, the same errors. In
 * addition: `block_state`, which the kernel has in debugfs, `merge` of the 2022 proposal and `use_dedup` of the 2017
 * series.
 */
export interface Sysfs {
  /**
   * The attribute's text, newline included.
   * @param name as in `list()`: `'mm_stat'`, `'comp_algorithm'`, …
   * @throws ZramError ENOENT: no such attribute; EINVAL: it can only be written
   */
  read(name: string): string;
  /**
   * Writes the attribute. An empty text does nothing, since an empty write never reaches the kernel's attribute.
   * @param name as in `list()`: `'disksize'`, `'mem_limit'`, …
   * @param text the value, with or without a trailing newline
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
    /** A one-line description. */
    readonly help: string;
  }[];
}

export function createSysfs(state: Device, zram: SysfsActions): Sysfs {
  // Created on first use: of a hundred thousand devices most never need them.
  let made: Map<string, Attribute> | undefined;
  const attributes = (): Map<string, Attribute> =>
    (made ??= new Map(Object.entries(attributesOf(state, zram)).sort(([a], [b]) => (a < b ? -1 : 1))));
  const find = (name: string): Attribute => {
    const attribute = attributes().get(name);
    if (attribute) return attribute;
    const { version, attributesMissing } = state.kernel;
    if (attributesMissing.includes(name)) {
      throw new ZramError('ENOENT', `attribute ${name} of kernel ${version} is not implemented here.`);
    }
    throw new ZramError('ENOENT', `attribute ${describe(name)} does not exist; sysfs.list() names all attributes.`);
  };
  return Object.freeze({
    read(name: string): string {
      const { read } = find(name);
      state.checkAlive();
      if (!read) throw new ZramError('EINVAL', `cannot read ${name}: it can only be written.`);
      return read();
    },
    write(name: string, text: string): void {
      const { write } = find(name);
      state.checkAlive();
      if (!write) throw new ZramError('EINVAL', `cannot write ${name}: it can only be read.`);
      if (typeof text !== 'string')
        throw new ZramError('EINVAL', `the value of an attribute must be a string, not ${describe(text)}.`);
      // An empty write never reaches the kernel's attribute.
      if (text !== '') write(text);
    },
    list() {
      state.checkAlive();
      return [...attributes()].map(([name, { help, read, write }]) => ({
        name,
        mode: read && write ? ('rw' as const) : read ? ('r' as const) : ('w' as const),
        help,
      }));
    },
  });
}
