/** Reading everything back and comparing it with what it was stored from. */
import type { Zram } from 'zram-wasm';
import { firstDifference } from './compare.js';
import type { Progress, Source, VerifyReport } from './protocol.js';

const PAGE_BYTES = 4096;
const STEP_BYTES = 4 << 20;
const REPORT_MS = 200;

/** A source, and the file to store it from again or to compare it with; there is none for what was loaded. */
export interface Kept extends Source {
  readonly file: File | undefined;
}

export interface Watcher {
  cancelled(): boolean;
  progress(progress: Progress): void;
}

export async function verify(zram: Zram, sources: readonly Kept[], watcher: Watcher): Promise<VerifyReport> {
  const started = performance.now();
  const kept = sources.filter(({ file }) => file !== undefined);
  const skipped = sources.filter(({ file }) => file === undefined).map(({ name }) => name);
  const total = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  const out = new Uint8Array(STEP_BYTES);
  let done = 0;
  let reported = started;
  for (const { name, file, firstPage, bytes } of kept) {
    for (let at = 0; at < bytes && !watcher.cancelled(); at += STEP_BYTES) {
      const length = Math.min(STEP_BYTES, bytes - at);
      const expected = new Uint8Array(await file!.slice(at, at + length).arrayBuffer());
      zram.read(firstPage * PAGE_BYTES + at, length, out);
      const differs = firstDifference(expected, out, length);
      if (differs >= 0) {
        const differsAt = { source: name, offset: at + differs };
        return { bytes: done + differs, milliseconds: performance.now() - started, differsAt, skipped };
      }
      done += length;
      const now = performance.now();
      if (now - reported < REPORT_MS) continue;
      reported = now;
      watcher.progress({ what: `Comparing ${name}`, done, total, rate: (done / (now - started)) * 1000 });
    }
  }
  return { bytes: done, milliseconds: performance.now() - started, differsAt: undefined, skipped };
}
