/** A line to a server that can be cut, also in the middle of what is sent. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Proxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Bytes that still pass from the client before the line is cut. */
  bytesLeft = Infinity;
  /** The same of bytes from the server. */
  answersLeft = Infinity;
  /** Connections that were cut. */
  cuts = 0;

  private constructor(server: Server, to: string) {
    this.#server = server;
    server.on('connection', (near: Socket) => {
      const far = connect(to);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => this.#sockets.delete(socket));
      }
      far.on('data', (bytes) => {
        near.write(bytes.subarray(0, Math.max(0, this.answersLeft)));
        this.answersLeft -= bytes.length;
        if (this.answersLeft <= 0) this.cut();
      });
      near.on('data', (bytes) => {
        far.write(bytes.subarray(0, Math.max(0, this.bytesLeft)));
        this.bytesLeft -= bytes.length;
        if (this.bytesLeft <= 0) this.cut();
      });
      near.on('close', () => far.destroySoon());
      far.on('close', () => near.destroy());
    });
  }

  static async listen(path: string, to: string): Promise<Proxy> {
    const server = createServer().listen(path);
    await once(server, 'listening');
    return new Proxy(server, to);
  }

  /** Ends all connections; new ones pass. */
  cut(): void {
    this.cuts++;
    this.bytesLeft = Infinity;
    this.answersLeft = Infinity;
    for (const socket of this.#sockets) socket.destroySoon();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
