/** TLS over a connection that has begun without it. */
import type { Socket } from 'node:net';
import { createServer, type TlsOptions, type TLSSocket } from 'node:tls';

/**
 * Lets a server of `node:tls` take this one socket: it checks certificates of clients as it does elsewhere, which a bare
 * `TLSSocket` leaves to its user.
 * @param onSecure gets the encrypted stream. A client that is refused loses its connection instead
 */
export function secure(socket: Socket, options: TlsOptions, onSecure: (stream: TLSSocket) => void): void {
  const server = createServer(options);
  server.once('secureConnection', onSecure);
  server.once('tlsClientError', () => socket.destroy());
  server.emit('connection', socket);
}
