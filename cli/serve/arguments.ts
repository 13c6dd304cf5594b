/** The arguments of `serve`, taken apart and checked. Nothing of the system is looked at. */
import { resolve } from 'node:path';

import { UsageError } from '../errors.js';
import { isFileName } from '../file-name.js';
import type { Values } from '../options.js';
import { toSize } from '../size.js';

/** The port of NBD (IANA), on which clients look if they are told none. */
const NBD_PORT = 10809;
const PORT_MAX = 65535;
/** What a user would ask for, and what `maxMemory` takes: 64 KiB less. */
const MEMORY_MAX = 4 * 2 ** 30;
const LINEAR_MEMORY_MAX = MEMORY_MAX - 65536;
/** The largest disk: 2^32 - 1 pages. */
const SIZE_MAX = (2 ** 32 - 1) * 4096;
/** What `serve --size S` alone serves. */
const ONLY_DISK = 'disk';
/** As long as a file's name, in bytes: every export can be unpacked. */
const NAME_BYTES_MAX = 255;

/** Where clients connect. */
export type Place =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Whose certificates clients need; undefined: none. */
  readonly ca: string | undefined;
}

/** A file that is served. */
export interface ImageArgument {
  /** A path, or '-' for standard input. */
  readonly file: string;
  /** Of the export; undefined: the file's base name, or the names in the pack. */
  readonly name: string | undefined;
}

export interface ServeOptions {
  readonly images: readonly ImageArgument[];
  /** Names of exports that begin empty. */
  readonly disks: readonly string[];
  readonly forks: readonly { readonly name: string; readonly from: string }[];
  /** Bytes of disks that begin empty, and the least of images; undefined: there are only images, as long as they are. */
  readonly size: number | undefined;
  readonly place: Place;
  readonly tls: TlsFiles | undefined;
  readonly control: string | undefined;
  readonly save: string | undefined;
  /** `save` may replace a file that is not served, or that a link leads to. */
  readonly force: boolean;
  /** Most bytes of linear memory; undefined: all that there can be. */
  readonly memory: number | undefined;
  readonly algorithm: string;
  readonly dedup: boolean;
  readonly readOnly: boolean;
}

/** @throws UsageError */
export function serveOptions(files: readonly string[], values: Values): ServeOptions {
  const { force = false, dedup = false, 'read-only': readOnly = false } = values;
  const exports = exportsOf(files, values.export ?? []);
  const size = values.size === undefined ? undefined : toSize('--size', values.size, 1, SIZE_MAX);
  if (exports.images.length + exports.disks.length === 0) {
    if (size === undefined)
      throw new UsageError('serve needs images or packs, or --size S for an empty disk: zram-wasm serve IMAGE...');
    exports.disks.push(ONLY_DISK);
  }
  const empty = exports.disks.at(0);
  if (empty !== undefined && size === undefined)
    throw new UsageError(`--export ${empty} is an empty disk, which needs --size; an image is --export ${empty}=IMAGE`);
  const [algorithm = 'lz4', ...more] = values.algorithm ?? [];
  if (more.length > 0 || algorithm.includes(',')) throw new UsageError('serve takes only one --algorithm');
  const { memory } = values;
  const control = path('--control', values.control);
  const save = path('--save', values.save);
  checkApart({ '--unix': values.unix, '--control': control, '--save': save });
  return {
    ...exports,
    size,
    place: placeOf(values),
    tls: tlsOf(values),
    control,
    save,
    force,
    memory: typeof memory === 'string' ? memoryOf(memory) : undefined,
    algorithm,
    dedup,
    readOnly,
  };
}

const memoryOf = (text: string): number => Math.min(toSize('--memory', text, 1, MEMORY_MAX), LINEAR_MEMORY_MAX);

interface Exports {
  readonly images: ImageArgument[];
  readonly disks: string[];
  readonly forks: { readonly name: string; readonly from: string }[];
}

function exportsOf(files: readonly string[], values: readonly string[]): Exports {
  const images: ImageArgument[] = files.map((file) => ({ file, name: undefined }));
  const disks: string[] = [];
  const forks: Exports['forks'] = [];
  const names = new Set<string>();
  for (const value of values) {
    // The first '=' decides: a file's name may have more of them, and ':from=' as well.
    const groups: readonly (string | undefined)[] = /^([^=]*?)(:from)?(?:=(.*))?$/s.exec(value) ?? [];
    const [, left = '', isFork, right] = groups;
    const name = right === undefined ? value : left;
    checkName(name, `--export ${value}`);
    if (names.has(name)) throw new UsageError(`two exports are called '${name}'`);
    names.add(name);
    if (right === '') throw new UsageError(`--export ${value} names nothing behind '='`);
    if (right === undefined) disks.push(name);
    else if (isFork === undefined) images.push({ file: right, name });
    else forks.push({ name, from: right });
  }
  if (images.filter(({ file }) => file === '-').length > 1)
    throw new UsageError("standard input ('-') can be read only once");
  return { images, disks, forks };
}

/**
 * New names are those that files can have, so that what was saved can be unpacked.
 * @throws UsageError
 */
export function checkName(name: string, what: string): void {
  const reason = nameFault(name);
  if (reason !== undefined) throw new UsageError(`${what}: ${reason}`);
}

/** Why an export cannot have this name, if so. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'the name of an export must not be empty';
  if (Buffer.byteLength(name) > NAME_BYTES_MAX)
    return `the name of an export must have at most ${NAME_BYTES_MAX} bytes`;
  if (!isFileName(name) || /[=\p{Cc}]/u.test(name))
    return "the name of an export must be one that a file can have, without '=' and control characters";
  return undefined;
}

function placeOf(values: Values): Place {
  const { port, host } = values;
  const unix = path('--unix', values.unix);
  if (unix !== undefined) {
    if (port !== undefined || host !== undefined)
      throw new UsageError('--unix names a socket, --port and --host an address: give one of them');
    return { kind: 'unix', path: unix };
  }
  if (host === '') throw new UsageError('--host must name an address');
  return { kind: 'tcp', host: host ?? '127.0.0.1', port: port === undefined ? NBD_PORT : toPort(port) };
}

/** What would take the place of the other: nothing could be saved where a socket is. */
function checkApart(paths: Readonly<Record<string, string | undefined>>): void {
  const options = new Map<string, string>();
  for (const [option, file] of Object.entries(paths)) {
    if (file === undefined) continue;
    const other = options.get(resolve(file));
    if (other !== undefined) throw new UsageError(`${other} and ${option} must not name the same file: '${file}'`);
    options.set(resolve(file), option);
  }
}

function toPort(text: string): number {
  const port = Number(text);
  if (!/^[0-9]+$/.test(text) || port > PORT_MAX)
    throw new UsageError(`--port must be a whole number from 0, for any that is free, to ${PORT_MAX}, not '${text}'`);
  return port;
}

function tlsOf(values: Values): TlsFiles | undefined {
  const cert = path('--tls-cert', values['tls-cert']);
  const key = path('--tls-key', values['tls-key']);
  const ca = path('--tls-ca', values['tls-ca']);
  if (cert !== undefined && key !== undefined) return { cert, key, ca };
  if (cert !== undefined || key !== undefined || ca !== undefined)
    throw new UsageError('TLS needs both --tls-cert and --tls-key');
  return undefined;
}

function path(option: string, value: string | undefined): string | undefined {
  if (value === '') throw new UsageError(`${option} must name a file`);
  return value;
}
