/** What the name of an output stands for: a file to create or replace, or something that is written to directly. */
import { constants, fstatSync, type BigIntStats } from 'node:fs';
import { access, lstat, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { CliError, codeOf } from './errors.js';
import { identityOf, identityOfDescriptor } from './file-identity.js';

/** What an output may replace. */
export interface ReplaceRule {
  /** An existing file of this name. */
  readonly files: boolean;
  /** The file that a symbolic link of this name leads to. */
  readonly links: boolean;
}

export type Target =
  /** A file that is written as a whole, at this path without links. `facts`: of the file that is there already. */
  | { readonly kind: 'file'; readonly path: string; readonly facts: BigIntStats | undefined }
  /** A pipe or device. */
  | { readonly kind: 'special'; readonly path: string; readonly facts: BigIntStats }
  /** Already open: standard output, or a shell's /dev/fd/N. It is written to from its current position. */
  | { readonly kind: 'descriptor'; readonly descriptor: number; readonly facts: BigIntStats };

export const STANDARD_OUTPUT = 1;

/** As many links as Linux follows. */
const LINKS_MAX = 40;
const OWN_DESCRIPTOR = new RegExp(`^(?:/proc/${process.pid}(?:/task/[0-9]+)?/fd|/dev/fd)/([0-9]+)$`);

/**
 * Checks the target and changes nothing.
 * @throws Error whose message is the reason for "cannot write"; CliError with a sentence of its own; system errors
 */
export async function targetOf(name: string, rule: ReplaceRule): Promise<Target> {
  const descriptor = await descriptorOf(name);
  if (descriptor !== undefined) return descriptorTarget(descriptor);
  const own = await unlessMissing(lstat(name, { bigint: true }));
  if (own === undefined) return newFile(name);
  if (!rule.files && !rule.links) throw thereAlready(name);
  const linked = own.isSymbolicLink();
  const facts = linked ? await unlessMissing(stat(name, { bigint: true })) : own;
  if (facts === undefined) throw new Error(`it is a symbolic link to '${await readlink(name)}', which does not exist`);
  if (facts.isDirectory()) throw new Error('it is a directory');
  if (facts.isSocket()) throw new Error('it is a socket');
  if (!facts.isFile()) return { kind: 'special', path: name, facts };
  const path = await realpath(name);
  if (linked && !rule.links)
    throw new CliError(`'${name}' is a symbolic link to '${path}'; --force replaces that file`);
  if (!rule.files) throw thereAlready(name);
  await checkReplaceable(path, facts);
  return { kind: 'file', path, facts };
}

export function thereAlready(name: string): CliError {
  return new CliError(`'${name}' already exists; --force replaces it`);
}

export function identityOfTarget(target: Target): string | undefined {
  return target.facts === undefined ? undefined : identityOf(target.facts);
}

/** Whether the target is where the report would be printed. */
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
  // Node.js has descriptors of its own, which are of other kinds.
  if (facts.isFile() || facts.isFIFO() || facts.isSocket() || facts.isCharacterDevice() || facts.isBlockDevice())
    return { kind: 'descriptor', descriptor, facts };
  throw new Error('that descriptor is not open');
}

async function newFile(name: string): Promise<Target> {
  if (/[/\\]$/.test(name)) throw new Error('the folder does not exist');
  const folder = await realpath(dirname(name));
  await access(folder, constants.W_OK);
  return { kind: 'file', path: join(folder, basename(name)), facts: undefined };
}

/** The folder must accept a new file; an old one is replaced only by a user who may write to it and keep its owner. */
async function checkReplaceable(path: string, facts: BigIntStats): Promise<void> {
  await access(path, constants.W_OK);
  await access(dirname(path), constants.W_OK);
  const user = process.geteuid?.();
  if (user !== undefined && user !== 0 && facts.uid !== BigInt(user))
    throw new Error('it belongs to another user, and only root can keep its owner');
}

/** The outcome; undefined if the file does not exist. */
export async function unlessMissing<T>(looked: Promise<T>): Promise<T | undefined> {
  try {
    return await looked;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
