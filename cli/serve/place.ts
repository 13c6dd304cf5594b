/** Where clients connect: an address or a unix socket, and how they name it. */
import { lookup } from 'node:dns/promises';
import { BlockList, createServer as createNetServer, type Server } from 'node:net';
import { resolve } from 'node:path';

import { CliError, codeOf, reasonOf, UsageError } from '../errors.js';
import type { Place, TlsFiles } from './arguments.js';
import { errorOf } from './events.js';
import { freeSocketPath, listenPrivately } from './unix-socket.js';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** A place with an address in numbers. */
export type Resolved =
  Extract<Place, { kind: 'unix' }> | (Extract<Place, { kind: 'tcp' }> & { readonly family: 4 | 6 });

/**
 * Finds out whether a server can listen there, before anything takes time. A socket that was left behind is removed.
 * @throws UsageError it is in use, or no address; CliError
 */
export async function preparePlace(place: Place): Promise<Resolved> {
  if (place.kind === 'unix') {
    await freeSocketPath(place.path);
    return place;
  }
  const resolved = await resolvedOf(place);
  const server = createNetServer();
  await listenOn(server, resolved);
  await new Promise((done) => server.close(done));
  return resolved;
}

async function resolvedOf({ kind, host, port }: Extract<Place, { kind: 'tcp' }>): Promise<Resolved> {
  try {
    const { address, family } = await lookup(host);
    return { kind, port, host: address, family: family === 6 ? 6 : 4 };
  } catch {
    throw new UsageError(`--host: '${host}' is not the address of this machine`);
  }
}

/** @throws as `preparePlace` */
export async function listenOn(server: Server, place: Resolved): Promise<void> {
  if (place.kind === 'unix') return listenPrivately(server, place.path);
  const { host, port } = place;
  const failed = errorOf(server, 'listening');
  server.listen({ host, port });
  const error = await failed;
  if (error === undefined) return;
  const where = `${hostInUri(place)}:${port}`;
  const code = codeOf(error);
  if (code === 'EADDRINUSE') throw new UsageError(`port ${port} is in use: a server listens on ${where}`);
  if (code === 'EADDRNOTAVAIL') throw new UsageError(`--host: '${host}' is not an address of this machine`);
  throw new CliError(`cannot listen on ${where}: ${reasonOf(error)}`);
}

/** What is to be said of a place that others can reach; undefined: nobody else can. */
export function warningOf(place: Resolved, tls: TlsFiles | undefined): string | undefined {
  if (place.kind === 'unix') return undefined;
  if (LOOPBACK.check(place.host, place.family === 6 ? 'ipv6' : 'ipv4')) return undefined;
  if (tls === undefined)
    return (
      `WARNING: whoever reaches ${place.host} can read and write the exports, and others can listen in: ` +
      'name --tls-cert, --tls-key and --tls-ca'
    );
  if (tls.ca === undefined)
    return `WARNING: whoever reaches ${place.host} can read and write the exports: name --tls-ca, whose clients alone may`;
  return undefined;
}

/**
 * The NBD URI of an export (NetworkBlockDevice/nbd, doc/uri.md).
 * @param port that the server has
 */
export function uriOf(place: Resolved, port: number, name: string, isTls: boolean): string {
  const scheme = isTls ? 'nbds' : 'nbd';
  const path = encodeURIComponent(name);
  if (place.kind === 'tcp') return `${scheme}://${hostInUri(place)}:${port}/${path}`;
  return `${scheme}+unix:///${path}?socket=${encodeURIComponent(resolve(place.path)).replaceAll('%2F', '/')}`;
}

const hostInUri = ({ host, family }: Extract<Resolved, { kind: 'tcp' }>): string => (family === 6 ? `[${host}]` : host);
