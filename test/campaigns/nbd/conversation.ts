/**
 * What a client sends: a handshake and requests as a client makes them, then changed in a few places. Changes of whole
 * messages (lost, repeated, in another order, with a number that lies) keep the rest in step, so that most get further
 * than the first check; changes of bytes do not.
 */
import { Random } from '../../support/random.js';
import type { Pace } from './pipe.js';

/** Names that can be opened; the rest is none. */
export const NAMES = { disk: '', readOnly: 'ro', other: 'other', big: 'big' } as const;
export const DISK_BYTES = 64 * 4096;
export const BIG_BYTES = 64 * 2 ** 20;
const NAMES_SAID = [NAMES.disk, NAMES.readOnly, NAMES.other, 'none', 'ro\0', 'é', 'x'.repeat(4096), 'x'.repeat(4097)];
const QUERIES = ['base:allocation', 'base:', 'base:allocatio', 'qemu:dirty-bitmap:a', '', ':'];
const NUMBERS = [0, 1, 2, 255, 256, 4095, 4096, 65535, 65536, 65537, 2 ** 25, 2 ** 25 + 1, 2 ** 31, 2 ** 32 - 1];
const NOISE = new Random(1, 'noise').fill(Buffer.alloc(1 << 20)) as Buffer;

/** How the client's end comes. */
export type End = 'half' | 'destroy';

export interface Conversation {
  /** All that is sent, and where it is cut into pieces. */
  readonly sent: Buffer;
  readonly pieces: Buffer[];
  readonly pace: Pace;
  readonly end: End;
  /** Turns of the event loop between pieces: 0 is all at once. */
  readonly turns: number;
}

/** A message, and where its lengths and other numbers of four bytes are. */
interface Message {
  bytes: Buffer;
  numbers: number[];
}

export function conversationOf(seed: number): Conversation {
  const random = new Random(seed, 'nbd');
  const big = random.below(4000) === 0;
  let messages = [...handshakeOf(random, big), ...requestsOf(random, big)];
  if (random.chance(75)) for (let n = 1 + random.below(3); n > 0; n--) messages = changed(messages, random, big);
  let sent = Buffer.concat(messages.map(({ bytes }) => bytes));
  if (random.chance(35)) for (let n = 1 + random.below(3); n > 0; n--) sent = bytesChanged(sent, random);
  if (random.chance(25)) sent = sent.subarray(0, random.below(sent.length + 1));
  const end: End = random.chance(70) ? 'half' : 'destroy';
  // Who does not read never learns that the server has ended it.
  const paces: Pace[] = end === 'half' ? ['at once', 'at once', 'later', 'slowly'] : ['at once', 'later', 'never'];
  return { sent, pieces: piecesOf(sent, random), pace: random.pick(paces), end, turns: random.below(3) };
}

function piecesOf(sent: Buffer, random: Random): Buffer[] {
  const most = random.pick([1, 20, 300, 5000, 70_000, 1 << 20]);
  const pieces: Buffer[] = [];
  // One byte at a time takes a turn for each: only the first hundred.
  for (let at = 0; at < sent.length;) {
    const bytes = 1 + random.below(pieces.length < 100 ? most : 1 << 20);
    pieces.push(sent.subarray(at, at + bytes));
    at += bytes;
  }
  return pieces;
}

// ── messages ───────────────────────────────────────────────────────────────────────────────────────────────────────

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);

function option(kind: number, data: Buffer = Buffer.alloc(0), numbers: number[] = []): Message {
  return {
    bytes: Buffer.concat([Buffer.from('IHAVEOPT'), u32(kind), u32(data.length), data]),
    numbers: [8, 12, ...numbers.map((at) => 16 + at)],
  };
}

function info(kind: number, name: string, random: Random): Message {
  const wanted = Array.from({ length: random.below(4) }, () => random.pick([0, 1, 2, 3, 3, 999]));
  const data = Buffer.alloc(2 + 2 * wanted.length);
  data.writeUInt16BE(wanted.length);
  for (const [n, what] of wanted.entries()) data.writeUInt16BE(what, 2 + 2 * n);
  return option(kind, Buffer.concat([text(name), data]), [0]);
}

function context(kind: number, name: string, queries: readonly string[]): Message {
  const head = text(name);
  return option(kind, Buffer.concat([head, u32(queries.length), ...queries.map(text)]), [
    0,
    head.length,
    head.length + 4,
  ]);
}

function handshakeOf(random: Random, big: boolean): Message[] {
  const name = big ? NAMES.big : random.pick([NAMES.disk, NAMES.disk, NAMES.disk, NAMES.readOnly, NAMES.other]);
  const messages: Message[] = [{ bytes: u32(random.pick([3, 3, 3, 1, 2, 0])), numbers: [0] }];
  if (random.chance(70)) messages.push(option(8));
  if (random.chance(60)) messages.push(context(10, name, ['base:allocation']));
  for (let n = random.below(4); n > 0; n--) messages.splice(1 + random.below(messages.length), 0, anyOption(random));
  const way = random.below(10);
  if (way === 0) messages.push(option(1, Buffer.from(name)));
  else if (way === 1 && random.chance(30)) messages.push(option(2));
  else messages.push(info(7, name, random));
  return messages;
}

function anyOption(random: Random): Message {
  const name = random.pick(NAMES_SAID);
  switch (random.below(8)) {
    case 0:
      return option(3);
    case 1:
      return info(6, name, random);
    case 2:
      return context(
        9,
        name,
        Array.from({ length: random.below(3) }, () => random.pick(QUERIES)),
      );
    case 3:
      return context(
        10,
        name,
        Array.from({ length: random.below(3) }, () => random.pick(QUERIES)),
      );
    case 4:
      return option(5);
    case 5:
      return option(8);
    case 6:
      // Now and then one that is too long, and one that is as long as may be.
      return option(
        random.pick([4, 11, 99, 3, 7, 10]),
        noise(random, random.pick([0, 3, 40, 40, 65536, 65537, 200_000])),
      );
    default:
      return option(random.below(13), noise(random, random.below(30)), [0]);
  }
}

function noise(random: Random, bytes: number): Buffer {
  const at = random.below(NOISE.length - bytes + 1);
  return NOISE.subarray(at, at + bytes);
}

function request(
  type: number,
  flags: number,
  cookie: number,
  offset: number | bigint,
  length: number,
  payload?: Buffer,
): Message {
  const head = Buffer.alloc(28);
  head.writeUInt32BE(0x25609513);
  head.writeUInt16BE(flags, 4);
  head.writeUInt16BE(type, 6);
  head.writeUInt32BE(cookie, 8);
  head.writeUInt32BE(4294967295 - cookie, 12);
  head.writeBigUInt64BE(BigInt(offset), 16);
  head.writeUInt32BE(length, 24);
  return { bytes: payload ? Buffer.concat([head, payload]) : head, numbers: [4, 16, 20, 24] };
}

function requestsOf(random: Random, big: boolean): Message[] {
  const messages: Message[] = [];
  for (let n = random.below(big ? 6 : 14); n > 0; n--) messages.push(anyRequest(random, big));
  if (random.chance(40)) messages.push(request(2, 0, 0, 0, 0));
  // Behind the end, nobody listens.
  if (random.chance(3)) messages.push(anyRequest(random, false));
  return messages;
}

function anyRequest(random: Random, big: boolean): Message {
  const size = big ? BIG_BYTES : DISK_BYTES;
  const type = random.pick([0, 0, 0, 1, 1, 1, 3, 4, 5, 6, 7, 7, 8, 65535]);
  let [offset, length]: number[] = [
    random.below(size),
    random.pick([0, 1, 512, 4096, 8192, 5000, random.below(70_000)]),
  ];
  if (random.chance(50)) offset -= offset % 4096;
  if (big) length = random.pick([length, 2 ** 25, 2 ** 25 + 1, random.below(2 ** 25)]);
  // Most lie inside the disk; some touch its end.
  if (random.chance(90)) offset = Math.min(offset, Math.max(0, size - length));
  const flags = random.chance(80) ? 0 : random.pick([1, 2, 4, 8, 16, 3, 18, 65535]);
  const far = random.chance(2) ? random.pick([2n ** 63n, 2n ** 64n - 1n, 2n ** 53n + 1n, BigInt(size)]) : offset;
  const cookie = random.next();
  if (type !== 1) return request(type, flags, cookie, far, random.chance(3) ? random.pick(NUMBERS) : length);
  const payload = big && length > NOISE.length ? Buffer.alloc(length, noise(random, 9999)) : payloadOf(random, length);
  return request(1, flags, cookie, far, length, payload);
}

/** Noise, one value, zeros, or some of each. */
function payloadOf(random: Random, length: number): Buffer {
  const bytes = Buffer.from(noise(random, length));
  if (random.chance(50)) bytes.fill(random.pick([0, 0, 7]), random.below(length + 1) & -4096);
  return bytes;
}

// ── changes ────────────────────────────────────────────────────────────────────────────────────────────────────────

function changed(messages: Message[], random: Random, big: boolean): Message[] {
  const list = [...messages];
  // Most in what comes after the first words, which would end all else.
  const n = random.chance(95) ? 1 + random.below(list.length - 1) : 0;
  const at = Math.min(n, list.length - 1);
  const { bytes, numbers } = list[at];
  switch (random.below(big ? 6 : 9)) {
    case 0:
      list.splice(at, 1);
      break;
    case 1:
      list.splice(random.below(list.length + 1), 0, list[at]);
      break;
    case 2: {
      const other = random.below(list.length);
      [list[at], list[other]] = [list[other], list[at]];
      break;
    }
    case 3:
      list[at] = { bytes: bytes.subarray(0, random.below(bytes.length)), numbers: [] };
      break;
    case 4:
      list[at] = { bytes: Buffer.concat([bytes, noise(random, 1 + random.below(40))]), numbers };
      break;
    case 5:
      list.splice(random.below(list.length + 1), 0, random.chance(50) ? anyOption(random) : anyRequest(random, false));
      break;
    case 6:
      // Until nobody wants to hear more, now and then.
      if (random.chance(2)) list.splice(at, 0, ...Array.from({ length: 1100 }, () => option(random.pick([3, 8]))));
      else list.splice(at, 0, ...Array.from({ length: 40 }, () => list[at]));
      break;
    default:
      list[at] = { bytes: numberChanged(bytes, numbers, random), numbers };
  }
  return list.length > 0 ? list : messages;
}

function numberChanged(bytes: Buffer, numbers: number[], random: Random): Buffer {
  const out = Buffer.from(bytes);
  const places = numbers.filter((at) => at + 4 <= out.length);
  if (places.length === 0) return out;
  const at = random.pick(places);
  const value = random.chance(50) ? out.readUInt32BE(at) + random.pick([-4096, -1, 1, 4096]) : random.pick(NUMBERS);
  out.writeUInt32BE(value >>> 0, at);
  return out;
}

function bytesChanged(bytes: Buffer, random: Random): Buffer<ArrayBuffer> {
  const out = Buffer.from(bytes);
  if (out.length === 0) return out;
  const at = random.below(random.chance(50) ? Math.min(out.length, 200) : out.length);
  switch (random.below(4)) {
    case 0:
      out[at] ^= 1 << random.below(8);
      return out;
    case 1:
      out[at] = random.below(256);
      return out;
    case 2:
      return Buffer.concat([out.subarray(0, at), noise(random, 1 + random.below(20)), out.subarray(at)]);
    default:
      return Buffer.concat([out.subarray(0, at), out.subarray(at + 1 + random.below(20))]);
  }
}
