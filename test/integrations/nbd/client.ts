/** A client of the NBD protocol for tests: says what it is told to, and takes replies apart by the specification. */
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

import type { NbdServer } from '../../../integrations/nbd.js';
import { Input } from '../../../integrations/nbd/input.js';
import {
  Chunk,
  CHUNK_DONE,
  Command,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  Option,
  OptionReply,
  REQUEST_MAGIC,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from '../../../integrations/nbd/protocol.js';

export const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 255]);
export function u32(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
}
export function u64(n: bigint | number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(n));
  return bytes;
}
export const text = (value: string): Buffer => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);

export const optionBytes = (option: number, data: Buffer = Buffer.alloc(0)): Buffer =>
  Buffer.concat([u64(OPTION_MAGIC), u32(option), u32(data.length), data]);

export const infoData = (name: string, ...requests: number[]): Buffer =>
  Buffer.concat([text(name), u16(requests.length), ...requests.map(u16)]);

export const metaData = (name: string, ...queries: string[]): Buffer =>
  Buffer.concat([text(name), u32(queries.length), ...queries.map(text)]);

export interface RequestFields {
  type: number;
  flags?: number;
  cookie?: bigint | number;
  offset?: bigint | number;
  length?: number;
  payload?: Uint8Array;
}

export function requestBytes(fields: RequestFields): Buffer {
  const { type, flags = 0, cookie = 0, offset = 0, payload = Buffer.alloc(0), length = payload.length } = fields;
  return Buffer.concat([u32(REQUEST_MAGIC), u16(flags), u16(type), u64(cookie), u64(offset), u32(length), payload]);
}

export interface OptionAnswer {
  option: number;
  type: number;
  data: Buffer;
}

/** A reply, put together from its chunks. */
export interface Reply {
  cookie: bigint;
  errno: number;
  /** Of an error, in a structured reply. */
  message?: string;
  /** Of a read: pieces by offset; of a simple reply the offset is unknown, and 0. */
  data: { offset: number; bytes: Buffer }[];
  status: [number, number][];
  structured: boolean;
  chunks: number;
}

export class Client {
  readonly #input = new Input();
  #closed = false;
  #wake: () => void = () => undefined;
  greeting: Buffer = Buffer.alloc(0);

  private constructor(readonly socket: Socket) {
    socket.on('data', (piece: Buffer) => {
      this.#input.push(piece);
      this.#wake();
    });
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
    socket.on('error', () => undefined);
  }

  /** Connects, and takes the server's first words. */
  static async to(server: NbdServer, { allowHalfOpen = false } = {}): Promise<Client> {
    const address = server.address();
    if (address === null) throw new Error('the server does not listen');
    const place = typeof address === 'string' ? { path: address } : { port: address.port, host: address.address };
    const socket = connect({ ...place, allowHalfOpen });
    await once(socket, 'connect');
    const client = new Client(socket);
    client.greeting = await client.read(18);
    return client;
  }

  /** Goes on with TLS, after STARTTLS was acknowledged. @throws the handshake of TLS fails */
  async secured(options: ConnectionOptions): Promise<Client> {
    this.socket.removeAllListeners('data');
    const secure = connectTls({ ...options, socket: this.socket });
    await once(secure, 'secureConnect');
    return new Client(secure);
  }

  send(...parts: Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** @throws when the connection ends before */
  async read(bytes: number): Promise<Buffer<ArrayBuffer>> {
    for (;;) {
      const taken = this.#input.take(bytes);
      if (taken !== undefined) return Buffer.from(taken);
      if (this.#closed) throw new Error(`the connection ended after ${this.#input.length} of ${bytes} bytes`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** @returns the number of bytes that came before the end */
  async readToEnd(): Promise<number> {
    while (!this.#closed) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#input.length;
  }

  async answer(): Promise<OptionAnswer> {
    const head = await this.read(20);
    if (head.readBigUInt64BE(0) !== OPTION_REPLY_MAGIC) throw new Error(`no option reply: ${head.toString('hex')}`);
    return { option: head.readUInt32BE(8), type: head.readUInt32BE(12), data: await this.read(head.readUInt32BE(16)) };
  }

  /** Sends an option; returns all replies to it, the last of which is an ACK or an error. */
  async option(option: number, data?: Buffer): Promise<OptionAnswer[]> {
    this.send(optionBytes(option, data));
    const answers: OptionAnswer[] = [];
    do answers.push(await this.answer());
    while (answers.at(-1)!.type !== OptionReply.ACK && answers.at(-1)!.type < 0x8000_0000);
    return answers;
  }

  /** Chooses an export. @returns its size and flags */
  async go(name = '', { structured = true, allocation = true } = {}): Promise<{ size: number; flags: number }> {
    this.send(u32(3));
    if (structured) await this.option(Option.STRUCTURED_REPLY);
    if (structured && allocation) await this.option(Option.SET_META_CONTEXT, metaData(name, 'base:allocation'));
    const [info, last] = await this.option(Option.GO, infoData(name));
    if (last?.type !== OptionReply.ACK) throw new Error(`GO was refused: ${info.data.toString()}`);
    return { size: Number(info.data.readBigUInt64BE(2)), flags: info.data.readUInt16BE(10) };
  }

  /** The next whole reply. @param readBytes of a simple reply that has data */
  async reply(readBytes = 0): Promise<Reply> {
    const reply: Reply = { cookie: 0n, errno: 0, data: [], status: [], structured: false, chunks: 0 };
    for (;;) {
      const magic = (await this.read(4)).readUInt32BE(0);
      if (magic === SIMPLE_REPLY_MAGIC) {
        const rest = await this.read(12);
        reply.errno = rest.readUInt32BE(0);
        reply.cookie = rest.readBigUInt64BE(4);
        if (reply.errno === 0 && readBytes > 0) reply.data.push({ offset: 0, bytes: await this.read(readBytes) });
        return reply;
      }
      if (magic !== STRUCTURED_REPLY_MAGIC) throw new Error(`no reply: ${magic.toString(16)}`);
      const head = await this.read(16);
      const [flags, type] = [head.readUInt16BE(0), head.readUInt16BE(2)];
      const cookie = head.readBigUInt64BE(4);
      if (reply.structured && cookie !== reply.cookie) throw new Error('chunks of two replies are mixed');
      reply.cookie = cookie;
      reply.structured = true;
      reply.chunks++;
      takeChunk(reply, type, await this.read(head.readUInt32BE(12)));
      if ((flags & CHUNK_DONE) !== 0) return reply;
    }
  }

  async request(fields: RequestFields): Promise<Reply> {
    this.send(requestBytes(fields));
    return this.reply(fields.type === Command.READ ? fields.length : 0);
  }

  end(): void {
    this.socket.destroy();
  }
}

function takeChunk(reply: Reply, type: number, payload: Buffer): void {
  switch (type) {
    case Chunk.NONE:
      if (payload.length > 0) throw new Error('a chunk of nothing has a payload');
      return;
    case Chunk.OFFSET_DATA:
      if (payload.length < 9) throw new Error('a chunk of data has none');
      reply.data.push({ offset: Number(payload.readBigUInt64BE(0)), bytes: payload.subarray(8) });
      return;
    case Chunk.BLOCK_STATUS:
      for (let at = 4; at < payload.length; at += 8)
        reply.status.push([payload.readUInt32BE(at), payload.readUInt32BE(at + 4)]);
      return;
    case Chunk.ERROR:
      reply.errno = payload.readUInt32BE(0);
      if (payload.readUInt16BE(4) !== payload.length - 6) throw new Error('the message of an error has another length');
      reply.message = payload.toString('utf8', 6);
      return;
    default:
      throw new Error(`a chunk of type ${type}`);
  }
}
