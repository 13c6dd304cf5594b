/** The exports of a server: devices by name, and what a client may do with each. */
import type { Zram, ZramSnapshot } from '../../bindings/index.js';
import { ZramError } from '../../bindings/base/errors.js';
import { checkType } from '../base/options.js';
import { STRING_MAX, Transmission } from './protocol.js';

/** What can be exported: a device, or a snapshot, which is read only. */
export type NbdDevice = Zram | ZramSnapshot;

/** A device, and how it is exported. */
export interface NbdExport {
  /** The device or snapshot. */
  readonly device: NbdDevice;
  /** Writes are refused; default false, and true for a snapshot. */
  readonly readOnly?: boolean | undefined;
  /** Bytes from the device's start that are exported; default: its `disksize`, which is a whole number of pages. */
  readonly size?: number | undefined;
}

/** Devices by export name. A server looks a name up whenever a client asks, so exports may come and go. */
export type NbdExports = ReadonlyMap<string, NbdDevice | NbdExport>;

/** An export as a connection uses it. */
export interface OpenExport {
  readonly name: string;
  readonly device: NbdDevice;
  /** The device if it may be written to. */
  readonly writable: Zram | undefined;
  /** Bytes. */
  readonly size: number;
  readonly flags: number;
}

const isExport = (value: NbdDevice | NbdExport): value is NbdExport =>
  typeof value === 'object' && value !== null && 'device' in value;

function checkDevice(device: unknown): asserts device is NbdDevice {
  const { readPages, disksize } = (device ?? {}) as Partial<NbdDevice>;
  if (typeof readPages === 'function' && typeof disksize === 'number') return;
  throw new ZramError('EINVAL', 'an export must be a Zram, a ZramSnapshot, or { device, readOnly, size }.');
}

/** @throws ZramError EINVAL: a name that the protocol cannot carry, or no device */
export function checkExports(exports: NbdExports): void {
  for (const [name, value] of exports) {
    if (typeof name !== 'string') throw new ZramError('EINVAL', 'the name of an export must be a text.');
    if (Buffer.byteLength(name) > STRING_MAX)
      throw new ZramError('EINVAL', `the name of an export is longer than ${STRING_MAX} bytes.`);
    checkDevice(isExport(value) ? value.device : value);
    if (!isExport(value)) continue;
    checkSize(value.size);
    checkType(value.readOnly, 'readOnly of an export', 'boolean');
  }
}

function checkSize(size: unknown): void {
  if (size === undefined || (Number.isSafeInteger(size) && (size as number) >= 0)) return;
  throw new ZramError('EINVAL', 'the size of an export must be a whole number of bytes.');
}

/** The names that the protocol can carry: others can be put into a `Map` at any time. */
export function namesOf(exports: NbdExports): string[] {
  return [...exports.keys()].filter((name) => typeof name === 'string' && Buffer.byteLength(name) <= STRING_MAX);
}

/** The name that a client's name stands for: the empty one is the only export, if there is one alone. */
function resolveName(exports: NbdExports, name: string): string | undefined {
  if (exports.has(name)) return name;
  if (name !== '' || exports.size !== 1) return undefined;
  const [[only]] = exports;
  return only;
}

/** @returns undefined: there is no such export, or its device has no disksize or was destroyed */
export function openExport(exports: NbdExports, asked: string): OpenExport | undefined {
  const name = resolveName(exports, asked);
  const value = name === undefined ? undefined : exports.get(name);
  if (name === undefined || value === undefined) return undefined;
  const { device, readOnly = false, size: exported = Infinity } = isExport(value) ? value : { device: value };
  const disksize = disksizeOf(device);
  if (disksize === 0) return undefined;
  const size = Math.min(exported, disksize);
  const writable = !readOnly && 'writePages' in device ? device : undefined;
  return { name, device, writable, size, flags: flagsOf(writable !== undefined) };
}

function disksizeOf(device: NbdDevice): number {
  try {
    return device.disksize;
  } catch {
    return 0; // destroyed
  }
}

function flagsOf(writable: boolean): number {
  const { HAS_FLAGS, READ_ONLY, SEND_FLUSH, SEND_FUA, SEND_TRIM, SEND_WRITE_ZEROES } = Transmission;
  const { SEND_DF, CAN_MULTI_CONN, SEND_CACHE, SEND_FAST_ZERO } = Transmission;
  // All connections see one device at once, so what one has written and flushed, each of the others reads.
  const both = HAS_FLAGS | SEND_FLUSH | SEND_DF | CAN_MULTI_CONN | SEND_CACHE;
  return both | (writable ? SEND_FUA | SEND_TRIM | SEND_WRITE_ZEROES | SEND_FAST_ZERO : READ_ONLY);
}
