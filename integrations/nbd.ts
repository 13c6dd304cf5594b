/**
 * Devices as network block devices, for Node.js. What speaks NBD (qemu, libnbd, nbd-client) can mount,
 * boot from or swap to a device of this library.
 *
 * ```js
 * import { Zram } from 'zram-wasm';
 * import { createServer } from 'zram-wasm/nbd';
 *
 * const zram = await Zram.create({ disksize: '1G' });
 * createServer(zram).listen('/tmp/zram.sock'); // nbdinfo 'nbd+unix:///?socket=/tmp/zram.sock'
 * ```
 * @module zram-wasm/nbd
 */
import { Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ZramError } from '../bindings/base/errors.js';
import { checkOptions, checkType, TIMER_MILLISECONDS_MAX } from './base/options.js';
import { Buffers } from './nbd/buffers.js';
import { Connection, type ConnectionOptions } from './nbd/connection.js';
import { Receiving } from './nbd/receiving.js';
import { checkExports, type NbdDevice, type NbdExport, type NbdExports } from './nbd/exports.js';

export type { NbdDevice, NbdExport, NbdExports };

/** Until a client has chosen an export. */
const HANDSHAKE_MILLISECONDS = 10_000;
const CONNECTIONS_MAX = 256;

/** Options of {@link createServer}. */
export interface NbdServerOptions {
  /** The name of the one device; default '', which clients ask for if they name none. */
  readonly exportName?: string | undefined;
  /** The one device is not written to; default false, and true for a snapshot. */
  readonly readOnly?: boolean | undefined;
  /** Certificate, key and so on, as for `tls.createSecureContext`: clients may then ask for TLS. */
  readonly tls?:
    | (SecureContextOptions & {
        /** Clients must use TLS; default true. */
        readonly required?: boolean | undefined;
        /** Clients must have a certificate that `ca` signed; default false. */
        readonly requestCert?: boolean | undefined;
      })
    | undefined;
  /** Connections at a time, above which new ones are closed; default 256. */
  readonly maxConnections?: number | undefined;
  /** Milliseconds until a client must have chosen an export; default 10,000. */
  readonly handshakeTimeout?: number | undefined;
}

/**
 * A server, as `net.createServer` makes it: `listen`, `close` and its events are Node's. It serves connections only
 * where it is told to listen; for anything but a unix socket or loopback use `tls`.
 */
export class NbdServer extends Server {
  /** The exports that clients may choose from. A `Map` that was given is looked at whenever a client asks. */
  readonly exports: NbdExports;
  readonly #connections = new Set<Connection>();

  /** @internal Made by {@link createServer}. */
  constructor(exports: NbdExports, options: NbdServerOptions) {
    checkExports(exports);
    // A client that has sent all it will still waits for its replies.
    super({ allowHalfOpen: true });
    this.exports = exports;
    this.maxConnections = options.maxConnections ?? CONNECTIONS_MAX;
    const connection = connectionOptions(exports, options);
    this.on('connection', (socket: Socket) => {
      const one = new Connection(socket, connection);
      this.#connections.add(one);
      socket.on('close', () => this.#connections.delete(one));
    });
  }

  /** How many connections have chosen the export of this name and are open. */
  connectionsOf(name: string): number {
    return this.#of(name).length;
  }

  /** Ends the connections to the export of this name at once. Others may be made while it is among `exports`. */
  closeConnectionsOf(name: string): void {
    for (const connection of this.#of(name)) connection.destroy();
  }

  #of(name: string): Connection[] {
    return [...this.#connections].filter((each) => each.exportName === name);
  }

  /** Ends all connections at once; `close` lets them go on. What was acknowledged is on the devices. */
  closeAllConnections(): void {
    for (const connection of this.#connections) connection.destroy();
  }
}

function connectionOptions(exports: NbdExports, options: NbdServerOptions): ConnectionOptions {
  const { tls, handshakeTimeout = HANDSHAKE_MILLISECONDS } = options;
  if (!(Number.isFinite(handshakeTimeout) && handshakeTimeout > 0))
    throw new ZramError('EINVAL', 'handshakeTimeout must be a number of milliseconds above 0.');
  const handshakeMilliseconds = Math.min(handshakeTimeout, TIMER_MILLISECONDS_MAX);
  const shared = { exports, handshakeMilliseconds, buffers: new Buffers(), receiving: new Receiving() };
  if (tls === undefined) return { ...shared, tls: undefined };
  const { required = true, requestCert = false, ...context } = tls;
  createSecureContext(context); // what is wrong with it is said here
  return {
    ...shared,
    tls: { options: { ...context, requestCert, rejectUnauthorized: requestCert }, demanded: required },
  };
}

/**
 * Makes a server of one device or of several by name; it does not listen yet.
 * @param exports a `Zram` or `ZramSnapshot`, or a `Map` of them by export name, or of `{ device, readOnly, size }`
 * @throws ZramError EINVAL: not a device, or a wrong option
 */
export function createServer(exports: NbdDevice | NbdExports, options: NbdServerOptions = {}): NbdServer {
  checkServerOptions(options);
  if (isMap(exports)) return new NbdServer(exports, options);
  const { exportName = '', readOnly } = options;
  return new NbdServer(new Map([[exportName, { device: exports, readOnly }]]), options);
}

function isMap(value: NbdDevice | NbdExports): value is NbdExports {
  const { keys, get } = (value ?? {}) as Partial<NbdExports>;
  return typeof keys === 'function' && typeof get === 'function';
}

/** @throws ZramError EINVAL */
function checkServerOptions(options: NbdServerOptions): void {
  checkOptions(options);
  const { exportName, readOnly, tls, maxConnections } = options;
  checkType(exportName, 'exportName', 'string');
  checkType(readOnly, 'readOnly', 'boolean');
  checkOptions(tls, 'tls');
  if (maxConnections !== undefined && !(typeof maxConnections === 'number' && maxConnections >= 1))
    throw new ZramError('EINVAL', 'maxConnections must be a number of 1 or more.');
}
