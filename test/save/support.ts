/** Save files in memory, and what is compared before and after. */
import { Zram, type Saved, type SaveOptions, type ZramSnapshot } from '../../bindings/index.js';

/** A sink that keeps what is written to it. */
export class MemorySink {
  readonly pieces: Uint8Array[] = [];

  write(bytes: Uint8Array): void {
    this.pieces.push(bytes);
  }

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.pieces));
  }
}

export async function saved(what: Zram | ZramSnapshot): Promise<Uint8Array> {
  const sink = new MemorySink();
  await what.save(sink);
  return sink.bytes;
}

export async function savedAll(what: Saved, options?: SaveOptions): Promise<Uint8Array> {
  const sink = new MemorySink();
  await Zram.saveAll(sink, what, options);
  return sink.bytes;
}

/** Where the sections of a file begin and end: preamble, then each section's end. */
export function boundaries(file: Uint8Array): number[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const ends = [0, 12];
  for (let at = 12; at < file.length;) {
    at += 8 + view.getUint32(at + 4, true) + 4;
    ends.push(at);
  }
  return ends;
}

/** What `mm_stat` tells of the content. */
export function contentStat(zram: Zram): object {
  const { origDataSize, comprDataSize, samePages, hugePages, pagesMerged } = zram.mmStat;
  return { origDataSize, comprDataSize, samePages, hugePages, pagesMerged };
}
