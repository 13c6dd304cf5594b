/** What the name of an output stands for: a file to be made or replaced, or something that is written to as it stands. */
import { constants, fstatSync, type BigIntStats } from 'node:fs';
import { access, lstat, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { CliError, codeOf } from './errors.js';
import { identityOf, identityOfDescriptor } from './file-identity.js';

/** What may be replaced by an output. */
export interface ReplaceRule {
  /** A file of its name. */
  readonly files: boolean;
  /** The file that a symbolic link of its name leads to. */
  readonly links: boolean;
}

export type Target =
  /** A file: it becomes whole what is written, under this path without links. `facts`: of the one that is there. */
  | { readonly kind: 'file'; readonly path: string; readonly facts: BigIntStats | undefined }
  /** A pipe or device. */
  | { readonly kind: 'special'; readonly path: string; readonly facts: BigIntStats }
  /** Open already: standard output, or what a shell has opened as /dev/fd/N. It is written to from where it stands. */
  | { readonly kind: 'descriptor'; readonly descriptor: number; readonly facts: BigIntStats };

export const STANDARD_OUTPUT = 1;

/** As many links as Linux follows. */
const LINKS_MAX = 40;
const OWN_DESCRIPTOR = new RegExp(`^(?:/proc/${process.pid}(?:/task/[0-9]+)?/fd|/dev/fd)/([0-9]+)$`);

/**
 * Looks at what is there, and changes nothing.
 * @throws Error whose message says why it cannot be written; CliError where that is no sentence; errors of the system
 */
export async function targetOf(name: string, rule: ReplaceRule): Promise<Target> {
  const descriptor = await descriptorOf(name);
  if (descriptor !== undefined) return descriptorTarget(descriptor);
  const own = await unlessMissing(lstat(name, { bigint: true }));
  if (own === undefined) return newFile(name);
  if (!rule.files && !rule.links) throw thereAlready(name);
  const linked = own.isSymbolicLink();
  const facts = linked ? await unlessMissing(stat(name, { bigint: true })) : own;
  if (facts === undefined) throw new Error(`it is a link to '${await readlink(name)}', which is not there`);
  if (facts.isDirectory()) throw new Error('it is a directory');
  if (facts.isSocket()) throw new Error('it is a socket');
  if (!facts.isFile()) return { kind: 'special', path: name, facts };
  const path = await realpath(name);
  if (linked && !rule.links) throw new CliError(`'${name}' is a link to '${path}'; --force replaces that`);
  if (!rule.files) throw thereAlready(name);
  await checkReplaceable(path, facts);
  return { kind: 'file', path, facts };
}

export function thereAlready(name: string): CliError {
  return new CliError(`'${name}' is there already; --force replaces it`);
}

export function identityOfTarget(target: Target): string | undefined {
  return target.facts === undefined ? undefined : identityOf(target.facts);
}

/** Whether what is printed would go to the same place. */
export function isStandardOutput(target: Target): boolean {
  if (target.kind === 'descriptor' && target.descriptor === STANDARD_OUTPUT) return true;
  const identity = identityOfTarget(target);
  return identity !== undefined && identity === identityOfDescriptor(STANDARD_OUTPUT);
}

/** The descriptor of this process that a name leads to: '-', '/dev/stdout', '/dev/fd/N', or links to one of those. */
async function descriptorOf(name: string): Promise<number | undefined> {
  if (name === '-') return STANDARD_OUTPUT;
  let path = resolve(name);
  for (let links = 0; links < LINKS_MAX; links++) {
    const folder = await unlessMissing(realpath(dirname(path)));
    if (folder === undefined) return undefined;
    path = join(folder, basename(path));
    const number = OWN_DESCRIPTOR.exec(path)?.[1];
    if (number !== undefined) return Number(number);
    if ((await unlessMissing(lstat(path)))?.isSymbolicLink() !== true) return undefined;
    path = resolve(folder, await readlink(path));
  }
  return undefined;
}

function descriptorTarget(descriptor: number): Target {
  const facts = fstatSync(descriptor, { bigint: true });
  if (facts.isDirectory()) throw new Error('it is a directory');
  // Node.js has descriptors of its own, which are none of these.
  if (facts.isFile() || facts.isFIFO() || facts.isSocket() || facts.isCharacterDevice() || facts.isBlockDevice())
    return { kind: 'descriptor', descriptor, facts };
  throw new Error('nothing was opened there');
}

async function newFile(name: string): Promise<Target> {
  if (/[/\\]$/.test(name)) throw new Error('the folder does not exist');
  const folder = await realpath(dirname(name));
  await access(folder, constants.W_OK);
  return { kind: 'file', path: join(folder, basename(name)), facts: undefined };
}

/** The folder must take a new file, and the old one is only replaced by who may write to it, and can keep its owner. */
async function checkReplaceable(path: string, facts: BigIntStats): Promise<void> {
  await access(path, constants.W_OK);
  await access(dirname(path), constants.W_OK);
  const user = process.geteuid?.();
  if (user !== undefined && user !== 0 && facts.uid !== BigInt(user))
    throw new Error('it belongs to another user, whom only root could leave it to');
}

/** The outcome; undefined where there is no such file. */
export async function unlessMissing<T>(looked: Promise<T>): Promise<T | undefined> {
  try {
    return await looked;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
