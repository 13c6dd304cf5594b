/** Takes what a server has sent apart, and compares it with what it had to say. */
import type { Answer, Expected } from './model.js';

const GREETING = Buffer.from('4e42444d4147494349484156454f50540003', 'hex').fill('NBDMAGIC', 0, 8);
const OPTION_REPLY = 0x3e889045565a9n;
const SIMPLE = 0x67446698;
const STRUCTURED = 0x668e33ef;
const ERROR_CHUNK = 0x8001;
/** Most extents of a reply. */
const RUNS_MAX = 8192;

/** All that came is right, but it is not all. */
class Cut extends Error {}

/**
 * @param received all that came
 * @returns whether all answers were there
 * @throws Error something that came is wrong
 */
export function checkReplies(received: Buffer, expected: Expected): boolean {
  const reader = new Reader(received);
  try {
    if (!reader.take(18).equals(GREETING)) throw new Error('another greeting');
    for (const [n, answer] of expected.answers.entries()) {
      try {
        checkAnswer(reader, answer, expected.structured);
      } catch (error) {
        if (error instanceof Cut) throw error;
        throw new Error(`answer ${n} (${describe(answer)}): ${(error as Error).message}`, { cause: error });
      }
    }
  } catch (error) {
    if (error instanceof Cut) return false;
    throw error;
  }
  if (reader.left > 0) throw new Error(`${reader.left} bytes more than all answers`);
  return true;
}

class Reader {
  #at = 0;
  constructor(readonly all: Buffer) {}
  get left(): number {
    return this.all.length - this.#at;
  }
  take(bytes: number): Buffer {
    if (bytes > this.left) throw new Cut();
    this.#at += bytes;
    return this.all.subarray(this.#at - bytes, this.#at);
  }
}

function describe(answer: Answer): string {
  return JSON.stringify(answer, (key, value: unknown) =>
    typeof value === 'bigint' ? value.toString(16) : key === 'bytes' || key === 'data' ? '…' : value,
  ).slice(0, 300);
}

function same(what: string, actual: unknown, wanted: unknown): void {
  if (actual !== wanted) throw new Error(`${what} is ${String(actual)}, not ${String(wanted)}`);
}

function checkAnswer(reader: Reader, answer: Answer, structured: boolean): void {
  switch (answer.kind) {
    case 'option': {
      const head = reader.take(20);
      same('the magic number', head.readBigUInt64BE(0), OPTION_REPLY);
      same('the option', head.readUInt32BE(8), answer.option);
      same('the type', head.readUInt32BE(12), answer.type);
      const data = reader.take(head.readUInt32BE(16));
      if (answer.data) same('the data', data.toString('hex'), answer.data.toString('hex'));
      else if (answer.type < 2 ** 31) same('the length of the data', data.length, 0);
      return;
    }
    case 'export': {
      const data = reader.take(10 + answer.zeroes);
      same('the size', Number(data.readBigUInt64BE(0)), answer.size);
      same('the flags', data.readUInt16BE(8), answer.flags);
      if (data.subarray(10).some((byte) => byte !== 0)) throw new Error('zeroes are none');
      return;
    }
    case 'reply':
      if (answer.chunk) checkChunk(reader, answer.cookie, answer.errno);
      else checkSimple(reader, answer.cookie, answer.errno);
      return;
    case 'read':
      if (structured) checkChunks(reader, answer);
      else {
        checkSimple(reader, answer.cookie, 0);
        if (!reader.take(answer.bytes.length).equals(answer.bytes)) throw new Error('other bytes');
      }
      return;
    case 'status':
      checkStatus(reader, answer);
  }
}

function checkSimple(reader: Reader, cookie: bigint, errno: number): void {
  const head = reader.take(16);
  same('the magic number', head.readUInt32BE(0), SIMPLE);
  same('the error', head.readUInt32BE(4), errno);
  same('the cookie', head.readBigUInt64BE(8), cookie);
}

function chunk(reader: Reader, cookie: bigint): { last: boolean; type: number; payload: Buffer } {
  const head = reader.take(20);
  same('the magic number', head.readUInt32BE(0), STRUCTURED);
  same('unknown flags', head.readUInt16BE(4) & ~1, 0);
  same('the cookie', head.readBigUInt64BE(8), cookie);
  const payload = reader.take(head.readUInt32BE(16));
  return { last: head.readUInt16BE(4) === 1, type: head.readUInt16BE(6), payload };
}

/** Of an error, or of a read of nothing. */
function checkChunk(reader: Reader, cookie: bigint, errno: number): void {
  const { last, type, payload } = chunk(reader, cookie);
  same('the type', type, errno === 0 ? 0 : ERROR_CHUNK);
  same('whether it is the last', last, true);
  if (errno === 0) same('the length', payload.length, 0);
  else {
    same('the error', payload.readUInt32BE(0), errno);
    same('the length of the message', payload.readUInt16BE(4), payload.length - 6);
  }
}

function checkChunks(reader: Reader, { cookie, offset, bytes, whole }: Extract<Answer, { kind: 'read' }>): void {
  for (let at = 0; ;) {
    const { last, type, payload } = chunk(reader, cookie);
    same('the type', type, 1);
    same('the offset', Number(payload.readBigUInt64BE(0)), offset + at);
    const data = payload.subarray(8);
    if (data.length === 0) throw new Error('an empty chunk');
    if (!data.equals(bytes.subarray(at, at + data.length))) throw new Error(`other bytes, at ${at}`);
    at += data.length;
    same('whether it is the last', last, at === bytes.length);
    if (last) return;
    if (whole) throw new Error('a reply that must not be fragmented is');
  }
}

function checkStatus(reader: Reader, { cookie, length, runs, one }: Extract<Answer, { kind: 'status' }>): void {
  const { last, type, payload } = chunk(reader, cookie);
  same('the type', type, 5);
  same('whether it is the last', last, true);
  same('the context', payload.readUInt32BE(0), 1);
  const wanted = one ? runs.slice(0, 1) : runs.slice(0, RUNS_MAX);
  same('the number of extents', (payload.length - 4) / 8, wanted.length);
  let total = 0;
  for (const [n, [bytes, flags]] of wanted.entries()) {
    same('the length of an extent', payload.readUInt32BE(4 + 8 * n), bytes);
    same('the flags of an extent', payload.readUInt32BE(8 + 8 * n), flags);
    total += bytes;
  }
  if (!one && runs.length <= RUNS_MAX) same('the length of all', total, length);
}
