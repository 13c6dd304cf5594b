/** A client that keeps to the protocol, connected all the time: it gets the right bytes, whatever the others do. */
import type { NbdServer } from '../../../integrations/nbd.js';
import type { ModelDisk } from './disk.js';
import { Pipe } from './pipe.js';

const READ_BYTES = 9000;
const CHUNK_HEAD = 28;

export class Watcher {
  readonly #pipe = new Pipe('at once');
  #cookie = 0;

  private constructor() {}

  static async open(server: NbdServer, name: string): Promise<Watcher> {
    const watcher = new Watcher();
    server.emit('connection', watcher.#pipe);
    const structured = Buffer.from('000000034948415645 4f505400000008 00000000'.replaceAll(' ', ''), 'hex');
    const go = Buffer.alloc(16 + 4 + name.length + 2);
    go.write('IHAVEOPT');
    go.writeUInt32BE(7, 8);
    go.writeUInt32BE(go.length - 16, 12);
    go.writeUInt32BE(name.length, 16);
    go.write(name, 20);
    watcher.#pipe.send(Buffer.concat([structured, go]));
    // Greeting, an acknowledgement, size and flags, another one.
    await watcher.#received(18 + 20 + 32 + 20, 100);
    return watcher;
  }

  /** @throws Error other bytes, or none after so many turns of the event loop */
  async check(model: ModelDisk, turnsMax: number): Promise<void> {
    const cookie = ++this.#cookie;
    const offset = (cookie * 7919) % (model.size - READ_BYTES);
    const request = Buffer.alloc(28);
    request.writeUInt32BE(0x25609513);
    request.writeUInt32BE(cookie, 12);
    request.writeUInt32BE(offset, 20);
    request.writeUInt32BE(READ_BYTES, 24);
    this.#pipe.send(request);
    const reply = await this.#received(CHUNK_HEAD + READ_BYTES, turnsMax);
    if (reply.readUInt32BE(0) !== 0x668e33ef || reply.readUInt32BE(12) !== cookie)
      throw new Error('another client got no reply of its own');
    if (!reply.subarray(CHUNK_HEAD).equals(model.bytes.subarray(offset, offset + READ_BYTES)))
      throw new Error('another client got other bytes');
  }

  async #received(bytes: number, turnsMax: number): Promise<Buffer> {
    const { received } = this.#pipe;
    for (let n = 0; received.reduce((sum, piece) => sum + piece.length, 0) < bytes; n++) {
      if (n === turnsMax || this.#pipe.destroyed) throw new Error('another client is not served');
      await new Promise(setImmediate);
    }
    const all = Buffer.concat(received.splice(0));
    if (all.length > bytes) throw new Error('another client gets more than it asked for');
    return all;
  }
}
