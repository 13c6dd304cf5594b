/**
 * Tars with a few changes: bytes, numbers, names, whole blocks; with checksums made right again, so that most changes get
 * past the first check.
 */
import { Random } from '../../support/random.js';
import { sampleTar } from '../../integrations/fs/tars.js';

const BLOCK = 512;
const NAMES = ['../x', '/x', 'd/a', 'd', '.', '', 'soft/x', 'd/../..', 'a/b/c', 'x'.repeat(100), 'sparse', 'é'];
const TYPES = ['0', '1', '2', '3', '5', '6', 'x', 'g', 'L', 'K', 'S', 'V', '\0', '7', 'Z'];
const NUMBERS = [
  '00000000000',
  '00000001000',
  '77777777777',
  '-0000000001',
  '\x80\0\0\0\0\0\0\0\0\0\x10\0',
  '9',
  ' 12 ',
  '1',
];
const TEXTS = ['../', '/', '\0', '\n', '=', '99', '0', '-1', ',', '1\n', '18446744073709551616'];

const seedTar = sampleTar();
/** Offsets of header blocks of the tar that is changed: those that have a magic. */
const headers = Array.from({ length: seedTar.length / BLOCK }, (_, n) => n * BLOCK).filter(
  (at) => seedTar.toString('latin1', at + 257, at + 262) === 'ustar',
);

/** The tar of a seed. */
export function mutantOf(seed: number): Buffer {
  const random = new Random(seed, 'tar');
  let bytes: Buffer = Buffer.from(seedTar);
  const changes = 1 + random.below(4);
  for (let n = 0; n < changes; n++) bytes = changed(bytes, random);
  return bytes;
}

function changed(bytes: Buffer, random: Random): Buffer {
  const at = random.pick(headers);
  switch (random.below(9)) {
    case 0:
      bytes[random.below(bytes.length)] = random.below(256);
      break;
    case 1:
      bytes[at + random.below(BLOCK)] = random.below(256);
      break;
    case 2:
      put(bytes, at, random.pick(NAMES), 100);
      break;
    case 3:
      put(bytes, at + 157, random.pick(NAMES), 100);
      break;
    case 4:
      put(bytes, at + 156, random.pick(TYPES), 1);
      break;
    case 5:
      put(bytes, at + random.pick([100, 108, 116, 124, 124, 124, 136, 386, 398, 483]), random.pick(NUMBERS), 12);
      break;
    case 6:
      // In what follows a header: records of pax, maps, long names, content.
      put(bytes, at + BLOCK + random.below(BLOCK - 20), random.pick(TEXTS), 20);
      break;
    case 7: {
      // A block of another place, or of none.
      const from = BLOCK * random.below(bytes.length / BLOCK);
      bytes.copyWithin(BLOCK * random.below(bytes.length / BLOCK), from, from + BLOCK);
      break;
    }
    default: {
      const cut = BLOCK * random.below(bytes.length / BLOCK);
      const end = Math.min(bytes.length, cut + BLOCK * random.below(6));
      bytes = random.chance(50) ? Buffer.concat([bytes.subarray(0, cut), bytes.subarray(end)]) : bytes.subarray(0, end);
      if (bytes.length < 2 * BLOCK) bytes = Buffer.from(seedTar);
    }
  }
  if (random.chance(85)) for (const header of headers) sum(bytes, header);
  return bytes;
}

function put(bytes: Buffer, at: number, text: string, length: number): void {
  const end = Math.min(bytes.length, at + length);
  if (at >= end) return;
  if (length > 20) bytes.fill(0, at, end);
  bytes.write(text, at, end - at, 'latin1');
}

function sum(bytes: Buffer, at: number): void {
  if (at + BLOCK > bytes.length) return;
  bytes.fill(' ', at + 148, at + 156);
  let total = 0;
  for (let n = at; n < at + BLOCK; n++) total += bytes[n];
  bytes.write(`${total.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
}
