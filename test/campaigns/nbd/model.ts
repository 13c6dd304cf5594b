/**
 * The server, once more and as simple as can be: takes all that a client sends as one array, by the protocol's
 * specification and what docs/nbd.md promises, and says what must be answered and what happens to the disk.
 */
import { partsOf, type ModelDisk, type Run } from './disk.js';

export type Answer =
  | { kind: 'option'; option: number; type: number; data?: Buffer | undefined }
  | { kind: 'export'; size: number; flags: number; zeroes: number }
  | { kind: 'reply'; cookie: bigint; errno: number; chunk: boolean }
  | { kind: 'read'; cookie: bigint; offset: number; bytes: Buffer; whole: boolean }
  | { kind: 'status'; cookie: bigint; length: number; runs: Run[]; one: boolean };

/** What a request does to the disk: a write in steps of a page, which a broken connection may leave undone from one on. */
export type Effect = Iterable<(disk: ModelDisk) => void>;

export interface Expected {
  readonly answers: Answer[];
  readonly effects: Effect[];
  /** A write whose payload did not come whole: its first pages may be there. */
  partial: Effect | undefined;
  /** The export that was chosen, and how its disk is after all whole requests. */
  opened: { readonly name: string; readonly disk: ModelDisk } | undefined;
  structured: boolean;
  /** The server ends it, whatever else is sent. */
  ended: boolean;
}

const IHAVEOPT = 0x49484156454f5054n;
const REQUEST = 0x25609513;
const ACK = 1;
const [ERR_UNSUP, ERR_POLICY, ERR_INVALID, ERR_UNKNOWN, ERR_TOO_BIG] = [1, 2, 3, 6, 9].map((n) => 2 ** 31 + n);
const [EPERM, EINVAL, ENOSPC, EOVERFLOW] = [1, 22, 28, 75];
const CONTEXT = 'base:allocation';
const MIB32 = 32 * 2 ** 20;

class Short extends Error {}
class Bad extends Error {}

/** Takes bytes from the front. @throws Short */
class Bytes {
  at = 0;
  constructor(readonly all: Buffer) {}
  take(bytes: number): Buffer {
    if (this.at + bytes > this.all.length) throw new Short();
    this.at += bytes;
    return this.all.subarray(this.at - bytes, this.at);
  }
  u16 = (): number => this.take(2).readUInt16BE();
  u32 = (): number => this.take(4).readUInt32BE();
  u64 = (): bigint => this.take(8).readBigUInt64BE();
  text(): string {
    const length = this.u32();
    if (length > 4096) throw new Bad();
    return this.take(length).toString();
  }
  get left(): number {
    return this.all.length - this.at;
  }
}

/**
 * @param disks by export name
 * @param copyOf a copy of one of them, which is changed as the requests say
 */
export function expectedOf(
  sent: Buffer,
  disks: ReadonlyMap<string, ModelDisk>,
  copyOf: (name: string) => ModelDisk,
): Expected {
  const bytes = new Bytes(sent);
  const expected: Expected = {
    ...{ answers: [], effects: [], partial: undefined, opened: undefined, structured: false, ended: false },
  };
  try {
    const agreed = handshake(bytes, disks, expected);
    if (agreed === undefined) expected.ended = true;
    else {
      const disk = copyOf(agreed.name);
      expected.opened = { name: agreed.name, disk };
      transmission(bytes, disk, agreed.allocation, expected);
    }
  } catch (error) {
    if (!(error instanceof Short)) throw error;
  }
  return expected;
}

function handshake(
  bytes: Bytes,
  disks: ReadonlyMap<string, ModelDisk>,
  expected: Expected,
): { name: string; allocation: boolean } | undefined {
  const flags = bytes.u32();
  if (flags > 3) return undefined;
  let allocationOf: string | undefined;
  for (let n = 0; ; n++) {
    if (bytes.left < 16) throw new Short();
    if (bytes.u64() !== IHAVEOPT || n === 1000 + 4 * disks.size) return undefined;
    const [option, length] = [bytes.u32(), bytes.u32()];
    if (option === 10) allocationOf = undefined; // even if it fails
    const answer = (type: number, data?: Buffer): unknown =>
      expected.answers.push({ kind: 'option', option, type, data });
    const data = new Bytes(bytes.take(length));
    if (length > 65536 && option !== 1) answer(ERR_TOO_BIG);
    else if (option === 1) {
      const name = data.all.toString();
      const disk = length > 4096 ? undefined : disks.get(name);
      if (disk === undefined) return undefined;
      expected.answers.push({ kind: 'export', size: disk.size, flags: flagsOf(disk), zeroes: flags > 1 ? 0 : 124 });
      return { name, allocation: expected.structured && allocationOf === name };
    } else if (option === 2) {
      answer(ACK);
      return undefined;
    } else {
      try {
        const chosen = answerOption(option, data, disks, expected, answer);
        if (chosen === undefined) continue;
        if (option === 10) allocationOf = chosen.context;
        else if (option === 7)
          return { name: chosen.name, allocation: expected.structured && allocationOf === chosen.name };
      } catch (error) {
        if (!(error instanceof Short || error instanceof Bad)) throw error;
        answer(ERR_INVALID);
      }
    }
  }
}

/** @returns what was chosen, if the option chooses anything */
function answerOption(
  option: number,
  data: Bytes,
  disks: ReadonlyMap<string, ModelDisk>,
  expected: Expected,
  answer: (type: number, data?: Buffer) => void,
): { name: string; context?: string } | undefined {
  const end = (): void => {
    if (data.left > 0) throw new Bad();
  };
  switch (option) {
    case 3:
      end();
      for (const name of disks.keys()) answer(2, Buffer.concat([number(4, name.length), Buffer.from(name)]));
      answer(ACK);
      return undefined;
    case 5:
      end();
      answer(ERR_POLICY);
      return undefined;
    case 6:
    case 7: {
      const name = data.text();
      const wanted = Array.from({ length: data.u16() }, data.u16);
      end();
      const disk = disks.get(name);
      if (disk === undefined) {
        answer(ERR_UNKNOWN);
        return undefined;
      }
      answer(3, Buffer.concat([number(2, 0), number(8, disk.size), number(2, flagsOf(disk))]));
      if (wanted.includes(1)) answer(3, Buffer.concat([number(2, 1), Buffer.from(name)]));
      if (wanted.includes(3)) answer(3, Buffer.concat([number(2, 3), number(4, 1), number(4, 4096), number(4, MIB32)]));
      answer(ACK);
      return { name };
    }
    case 8:
      end();
      expected.structured = true;
      answer(ACK);
      return undefined;
    case 9:
    case 10: {
      const name = data.text();
      const queries: string[] = [];
      for (let left = data.u32(); left > 0; left--) queries.push(data.text());
      end();
      if (option === 10 && !expected.structured) {
        answer(ERR_INVALID);
        return undefined;
      }
      if (!disks.has(name)) {
        answer(ERR_UNKNOWN);
        return { name };
      }
      const all = option === 9 && (queries.length === 0 || queries.includes('base:'));
      const found = all || queries.includes(CONTEXT);
      if (found) answer(4, Buffer.concat([number(4, option === 10 ? 1 : 0), Buffer.from(CONTEXT)]));
      answer(ACK);
      return found ? { name, context: name } : { name };
    }
    default:
      answer(ERR_UNSUP);
      return undefined;
  }
}

function number(bytes: 2 | 4 | 8, value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64BE(BigInt(value));
  return out.subarray(8 - bytes);
}

/** HAS_FLAGS, FLUSH, DF, MULTI_CONN and CACHE; READ_ONLY, or FUA, TRIM, WRITE_ZEROES and FAST_ZERO. */
const flagsOf = (disk: ModelDisk): number => 0b0101_1000_0101 | (disk.readOnly ? 0b10 : 0b1000_0110_1000);

function transmission(bytes: Bytes, disk: ModelDisk, allocation: boolean, expected: Expected): void {
  const { answers, structured } = expected;
  for (;;) {
    const head = new Bytes(bytes.take(28));
    if (head.u32() !== REQUEST) break;
    const [flags, type, cookie, place, length] = [head.u16(), head.u16(), head.u64(), head.u64(), head.u32()];
    if (type === 2) break;
    const offset = Number(place);
    const errno = refusal({ flags, type, offset, length }, disk, { structured, allocation });
    const change = (effect: Effect): void => {
      for (const step of effect) step(disk);
      expected.effects.push(effect);
    };
    if (type === 1) {
      const payload = bytes.all.subarray(bytes.at, bytes.at + length);
      if (payload.length < length) {
        if (errno === 0) expected.partial = written(offset, payload, false);
        return;
      }
      bytes.take(length);
      if (errno === 0) change(written(offset, payload, true));
    }
    if (errno !== 0) answers.push({ kind: 'reply', cookie, errno, chunk: structured });
    else if (type === 0 && length > 0) {
      const content = Buffer.from(disk.bytes.subarray(offset, offset + length));
      answers.push({ kind: 'read', cookie, offset, bytes: content, whole: (flags & 4) !== 0 });
    } else if (type === 7) {
      answers.push({ kind: 'status', cookie, length, runs: disk.status(offset, length), one: (flags & 8) !== 0 });
    } else {
      if (type === 4) change([(to) => to.discard(offset, length)]);
      if (type === 6) change([(to) => to.zero(offset, length)]);
      answers.push({ kind: 'reply', cookie, errno: 0, chunk: structured && type === 0 });
    }
  }
  expected.ended = true;
}

/** Flags that each command knows: FUA 1, NO_HOLE 2, DF 4, REQ_ONE 8, FAST_ZERO 16. */
const KNOWN = [1 | 4, 1, undefined, 1, 1, 1, 1 | 2 | 16, 1 | 8];

function refusal(
  { flags, type, offset, length }: { flags: number; type: number; offset: number; length: number },
  disk: ModelDisk,
  agreed: { structured: boolean; allocation: boolean },
): number {
  const known = KNOWN[type];
  if (known === undefined || (flags & ~known) !== 0) return EINVAL;
  if ((flags & 4) !== 0 && !agreed.structured) return EINVAL;
  if (type === 3) return 0;
  const changes = type === 1 || type === 4 || type === 6;
  if (changes && disk.readOnly) return EPERM;
  if (offset + length > disk.size) return type === 1 || type === 6 ? ENOSPC : EINVAL;
  if (type <= 1 && length > MIB32) return EOVERFLOW;
  return type === 7 && (!agreed.allocation || length === 0) ? EINVAL : 0;
}

/** @param whole false: there would be more, so what does not end with a page is a part of one, and is not written */
function* writtenSteps(offset: number, bytes: Buffer, whole: boolean): Generator<(disk: ModelDisk) => void> {
  for (const [from, to] of partsOf(offset, bytes.length)) {
    if (!whole && to % 4096 !== 0) return;
    yield (disk) => disk.write(from, bytes.subarray(from - offset, to - offset));
  }
}

const written = (offset: number, bytes: Buffer, whole: boolean): Effect => ({
  [Symbol.iterator]: () => writtenSteps(offset, bytes, whole),
});

/**
 * Does as many steps of the effects as lead to what a disk holds, in their order.
 * @returns false: none does
 */
export function follow(disk: ModelDisk, effects: Iterable<Effect>, actual: Buffer): boolean {
  if (disk.bytes.equals(actual)) return true;
  for (const effect of effects) {
    for (const step of effect) {
      step(disk);
      if (disk.bytes.equals(actual)) return true;
    }
  }
  return false;
}
