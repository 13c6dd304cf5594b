/** Opens bytes as the command line would open a file of them. */
import { openSync, writeSync, closeSync, ftruncateSync } from 'node:fs';

import { Engine } from '../../../bindings/index.js';
import { DumpInput, dumpIn, openInput, type Reading } from '../../../cli/dump-input.js';
import { Places } from '../../../cli/dumps/dump.js';
import type { Source } from '../../../cli/dumps/reader.js';
import { PAGE } from '../page-images.js';

export const AUTO: Reading = { format: 'auto', at: [] };

/** Bytes in memory, where thousands of files would wear a disk. */
export class BytesSource implements Source {
  readonly name = 'bytes';
  readonly bytes: number | undefined;

  /** @param knowsLength false: as a device, which does not tell it */
  constructor(
    readonly content: Buffer,
    knowsLength = true,
  ) {
    this.bytes = knowsLength ? content.length : undefined;
  }

  async read(offset: number, out: Uint8Array): Promise<number> {
    return offset >= this.content.length ? 0 : this.content.copy(out, 0, offset);
  }

  async close(): Promise<void> {
    // Nothing was opened.
  }
}

export interface Taken {
  readonly input: DumpInput;
  readonly pages: Buffer;
  readonly places: number[];
}

/** All pages of a dump, at most `pagesMax`; read in pieces of `piece` pages. */
export async function takeOut(input: DumpInput, piece = 7, pagesMax = Infinity): Promise<Taken> {
  const places = new Places(piece);
  const parts: Buffer[] = [];
  const numbers: number[] = [];
  for (let got = -1; got !== 0 && numbers.length < pagesMax;) {
    // Not zeros: what is not written shows.
    const chunk = Buffer.alloc(piece * PAGE, 0xa5);
    got = await input.nextPages(chunk, places);
    parts.push(chunk.subarray(0, got * PAGE));
    numbers.push(...places.pages.subarray(0, got));
  }
  return { input, pages: Buffer.concat(parts), places: numbers };
}

/** Undefined: the bytes are raw. */
export async function takeOutOf(bytes: Buffer, reading = AUTO, knowsLength = true): Promise<Taken | undefined> {
  const input = await dumpIn({ kind: 'file', name: 'bytes' }, new BytesSource(bytes, knowsLength), reading);
  return input && takeOut(input);
}

/** The same of a file. */
export async function takeOutOfFile(path: string): Promise<Taken> {
  const engine = Engine.createSync();
  const progress = () => undefined;
  async function* stdin(): AsyncGenerator<Uint8Array> {
    // Not read here.
  }
  try {
    const input = await openInput(path, { engine, reading: AUTO, stdin: stdin(), progress });
    if (!(input instanceof DumpInput)) throw new Error(`'${path}' was taken for raw`);
    const taken = await takeOut(input, 256);
    await input.close();
    return taken;
  } finally {
    engine.destroy();
  }
}

/** A file of a length that nothing is stored of, but for some bytes. */
export function sparseFile(path: string, length: number, ...parts: { at: number; bytes: Buffer }[]): void {
  const file = openSync(path, 'w');
  ftruncateSync(file, length);
  for (const { at, bytes } of parts) writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}
