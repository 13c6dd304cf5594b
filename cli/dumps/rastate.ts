/**
 * States of RetroArch, where they are not compressed: `RASTATE` and a version, then blocks of four letters, a length and
 * bytes, to the next multiple of 8. Block `MEM ` is the core's state; inside it every core has a layout of its own.
 */
import { dumpOf, endsEarly, type Dump } from './dump.js';
import { Extents } from './extents.js';
import type { Reader } from './reader.js';

export const RASTATE_MAGIC = Buffer.from('RASTATE', 'latin1');
const VERSION = 1;
const HEADER_BYTES = 8;
const BLOCK_HEADER_BYTES = 8;
const ALIGNMENT = 8;

export function rastateMisfit(head: Buffer): string | undefined {
  if (head.length < HEADER_BYTES + BLOCK_HEADER_BYTES) return 'it ends inside its header';
  if (head[7] !== VERSION) return `its version is ${head[7]}, not ${VERSION}`;
  return /^[A-Z0-9 ]{4}$/.test(head.toString('latin1', 8, 12)) ? undefined : 'no block follows its header';
}

/** @throws CliError */
export async function readRastate(reader: Reader): Promise<Dump> {
  const extents = new Extents(reader.name);
  let truncated: string | undefined;
  for (let at = HEADER_BYTES; ;) {
    const header = await reader.upTo(at, BLOCK_HEADER_BYTES);
    if (header.length < BLOCK_HEADER_BYTES) {
      truncated = endsEarly(reader, at + header.length);
      break;
    }
    const name = header.toString('latin1', 0, 4);
    const bytes = header.readUInt32LE(4);
    if (!/^[A-Z0-9 ]{4}$/.test(name)) throw reader.wrong(at, 'there is no block');
    if (name === 'END ') break;
    const start = at + BLOCK_HEADER_BYTES;
    const here = Math.max(0, Math.min(bytes, (reader.bytes ?? Infinity) - start));
    if (name === 'MEM ' && here > 0) extents.addPlain(start, here);
    if (here < bytes) {
      truncated = endsEarly(reader, start + here);
      break;
    }
    at = start + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  }
  if (extents.length === 0) throw reader.wrong(0, "the state has no block 'MEM '");
  return dumpOf(reader, { format: 'rastate', extents, truncated });
}
