/** Bringing pages back from the backing before they are needed. */
import type { AsyncCall } from '../base/async-call.js';
import { PAGE_SIZE } from '../base/arguments.js';
import { copyOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { withPagesDone } from '../base/messages.js';
import { CODEC_LZ4, STATE_IDLE, STATE_PICKED, STATE_STORED, STATE_WRITTEN_BACK } from '../core/layout.js';
import type { Disk } from './disk.js';
import { noMemoryForMarks, slotsIn, type PageSpan } from './post-process/picks.js';
import { ReadAhead } from './read-ahead.js';
import type { PageWriter } from './writer.js';

/** What one call of `prefetch` did. */
export interface PrefetchReport {
  /** Pages that were brought back to memory. */
  readonly pagesRead: number;
  /** How long the call took. */
  readonly milliseconds: number;
}

/** After this many failures in a row the backing is considered gone. */
const MAX_FAILURES = 16;

/** @param ranges inside the disk, in ascending order */
export async function prefetch(
  writer: PageWriter,
  ranges: readonly PageSpan[],
  call: AsyncCall,
): Promise<PrefetchReport> {
  const start = performance.now();
  let pagesRead = 0;
  let failures = 0;
  let failure: ZramError | undefined;
  try {
    for (const [first, last] of ranges) {
      const ahead = writer.disk.backing?.transport.asynchronous
        ? new ReadAhead(writer.disk, first, last + 1)
        : undefined;
      try {
        for (const index of slotsIn(writer.disk, [[first, last]], 0)) {
          try {
            if (await bringBack(writer, index, ahead, call)) pagesRead++;
            failures = 0;
          } catch (error) {
            if (!(error instanceof ZramError) || error.code !== 'EIO') throw error;
            failure = error;
            if (++failures === MAX_FAILURES) throw error;
          }
          if (call.due) await call.rest(writer.disk);
          call.check();
          writer.disk.checkAlive();
        }
      } finally {
        ahead?.stop();
      }
    }
    if (failure) throw failure;
  } catch (error) {
    throw withPagesDone(error, pagesRead);
  }
  return Object.freeze({ pagesRead, milliseconds: performance.now() - start });
}

/** Whether the page was on the backing. One in memory stays there: a writeback in progress leaves it out. */
async function bringBack(
  writer: PageWriter,
  index: number,
  ahead: ReadAhead | undefined,
  call: AsyncCall,
): Promise<boolean> {
  const { disk } = writer;
  if ((disk.state(index) & STATE_WRITTEN_BACK) === 0) {
    unmark(disk, index);
    return false;
  }
  const first = await ahead?.take(index, call);
  return disk.withReading(
    index,
    call,
    (reading) => {
      disk.checkAlive();
      if ((disk.state(index) & STATE_WRITTEN_BACK) === 0) return false; // written or discarded meanwhile
      const content = disk.pageNow(index, reading, true, writer.inCore ? CODEC_LZ4 : undefined);
      if (!content) return undefined;
      // A block is stored as it is, not compressed again.
      if (content.length < PAGE_SIZE) writer.writeCompressed(index, content);
      else writer.writePage(index, copyOf(content));
      return true;
    },
    first,
  );
}

/** As an access does. */
function unmark(disk: Disk, index: number): void {
  const { core, address } = disk;
  if ((disk.state(index) & STATE_STORED) === 0) return;
  if (core.raw.zramChangeFlags(address, index, 0, STATE_PICKED | STATE_IDLE, 0) < 0) throw noMemoryForMarks();
}
