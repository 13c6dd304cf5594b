/** Unix sockets that only their owner can use, at paths of which somebody else may have left something. */
import { randomBytes } from 'node:crypto';
import { accessSync, chmodSync, constants, linkSync, lstatSync, renameSync, rmSync, type BigIntStats } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname, join } from 'node:path';

import { CliError, codeOf, reasonOf, UsageError } from '../errors.js';
import { errorOf } from './events.js';

/** `sun_path` of Linux and of macOS, less the zero at its end. */
const PATH_BYTES_MAX = process.platform === 'darwin' ? 103 : 107;
/** Others get no right at all. */
const UMASK = 0o177;
const MODE = 0o600;
const MODE_BITS = 0o777;

/**
 * Makes a path free: a socket that a server has left behind is removed if nobody answers there.
 * @throws UsageError it is in use, or something else is there; CliError
 */
export async function freeSocketPath(path: string): Promise<void> {
  if (process.platform === 'win32') throw new UsageError('unix sockets are not served on Windows: use --port');
  if (Buffer.byteLength(path) > PATH_BYTES_MAX)
    throw new UsageError(`the path of a socket must have at most ${PATH_BYTES_MAX} bytes: '${path}'`);
  const found = factsOf(path);
  if (found === undefined) {
    checkFolder(path);
    return;
  }
  if (!found.isSocket()) throw new UsageError(`'${path}' exists and is not a socket`);
  const reason = await refusalAt(path);
  if (reason === 'ENOENT') return;
  if (reason === undefined) throw inUse(path);
  if (reason !== 'ECONNREFUSED') throw new CliError(`cannot listen on '${path}': ${reasonOf({ code: reason })}`);
  removeStale(path, found);
}

/** Listens where `freeSocketPath` has been. @throws UsageError it is in use again; CliError */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  // The socket is made while this is called, with the right mode from the first moment.
  const umask = process.umask(UMASK);
  const failed = errorOf(server, 'listening');
  try {
    server.listen(path);
  } finally {
    process.umask(umask);
  }
  const error = await failed;
  if (codeOf(error) === 'EADDRINUSE') throw inUse(path);
  if (error !== undefined) throw new CliError(`cannot listen on '${path}': ${reasonOf(error)}`);
  // There are systems whose sockets take no notice of the umask.
  if ((lstatSync(path).mode & MODE_BITS) !== MODE) chmodSync(path, MODE);
}

const inUse = (path: string): UsageError => new UsageError(`'${path}' is in use: a server answers there`);

function factsOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    throw new CliError(`cannot listen on '${path}': ${reasonOf(error)}`);
  }
}

/** The system would say of either that permission is denied. @throws CliError */
function checkFolder(path: string): void {
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    const reason = codeOf(error) === 'ENOENT' ? 'its folder does not exist' : reasonOf(error);
    throw new CliError(`cannot listen on '${path}': ${reason}`);
  }
}

/** Why nobody answers; undefined: somebody does. */
async function refusalAt(path: string): Promise<string | undefined> {
  const socket = connect(path);
  const error = await errorOf(socket, 'connect');
  socket.destroy();
  // A queue that is full is somebody's.
  return error === undefined || codeOf(error) === 'EAGAIN' ? undefined : (codeOf(error) ?? 'EIO');
}

/** Another server that starts now may have replaced it: what is removed is moved aside first, and looked at again. */
function removeStale(path: string, stale: BigIntStats): void {
  const aside = join(dirname(path), `.${randomBytes(8).toString('hex')}.old`);
  try {
    renameSync(path, aside);
    const { ino, mtimeNs } = lstatSync(aside, { bigint: true });
    if (ino !== stale.ino || mtimeNs !== stale.mtimeNs) linkSync(aside, path);
    rmSync(aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return; // somebody else has removed it
    throw new CliError(`cannot remove '${path}', which a server has left behind: ${reasonOf(error)}`);
  }
}
