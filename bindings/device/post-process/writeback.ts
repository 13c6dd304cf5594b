/**
 * Writeback to a backing device (the attribute `writeback`), by the rules of kernel 6.18
 * (Documentation/admin-guide/blockdev/zram.rst).
 */
import { checkInteger, readOptions } from '../../base/arguments.js';
import { AsyncCall, type AsyncOptions } from '../../base/async-call.js';
import { ZramError } from '../../base/errors.js';
import { describe } from '../../base/messages.js';
import { STATE_SAME, STATE_WRITTEN_BACK } from '../../core/layout.js';
import type { Device } from '../device.js';
import type { Disk } from '../disk.js';
import { checkIdle, drain, PAGE_FLAGS, slotsIn, slotsWith, type PageType } from './picks.js';
import { readPages, spansOf } from './spans.js';
import { Flight } from './writeback-flight.js';
import { WAIT, Writeback, type WritebackReport } from './writeback-run.js';

export type { WritebackReport };

/** The options of `writeback`: a type, or pages. */
export interface WritebackOptions {
  /** Pages of this type. */
  type?: PageType | undefined;
  /** One page. */
  pageIndex?: number | undefined;
  /** Pages, and ranges given by their first and last page. */
  pageIndexes?: readonly (number | readonly [number, number])[] | undefined;
}

/** The options of `writebackAsync`. */
export interface WritebackAsyncOptions extends WritebackOptions, AsyncOptions {
  /**
   * Failures of the backing in a row after which the call begins no more writes, and ends when those in flight are over;
   * Infinity: it tries every page, as the kernel does. Default: 16.
   */
  maxFailures?: number | undefined;
}

const OPTIONS = ['type', 'pageIndex', 'pageIndexes'] as const;
const ASYNC_OPTIONS = [...OPTIONS, 'signal', 'maxFailures'] as const;

/** After this many failures in a row a backing is considered gone; each failure of remote storage may take long. */
const MAX_FAILURES = 16;

export function writeback(state: Device, given: WritebackOptions): WritebackReport {
  const options = read(given, OPTIONS, 'writeback');
  const pages = state.readyDisk();
  if (pages.backing?.transport.asynchronous)
    throw new ZramError('EAGAIN', 'the backing is asynchronous: call writebackAsync instead.');
  const { run, wanted } = begin(state, pages, options);
  try {
    for (const job of run.steps(wanted)) {
      if (!job || job === WAIT) continue;
      try {
        run.backing.write(job);
      } catch (error) {
        run.failed(job, error);
        continue;
      }
      run.written(job);
    }
  } finally {
    drain(run.end());
  }
  return run.report();
}

export async function writebackAsync(state: Device, given: WritebackAsyncOptions): Promise<WritebackReport> {
  const { signal, maxFailures = MAX_FAILURES, ...options } = read(given, ASYNC_OPTIONS, 'writebackAsync');
  if (maxFailures !== Infinity) checkInteger(maxFailures, 'maxFailures', 1, Number.MAX_SAFE_INTEGER);
  return AsyncCall.run(signal, async (call) => {
    const { run, wanted } = begin(state, state.readyDisk(), options);
    try {
      await new Flight(run, call, state.writesInFlight, maxFailures).fly(wanted);
    } catch (error) {
      run.stop(error);
    } finally {
      const tidying = new AsyncCall(); // not ended by the signal
      for (const step of run.end()) if (!step && tidying.due) await tidying.rest();
    }
    return run.report();
  });
}

/** Copies the options of a call, including the elements of lists, reading each once. */
function read<T extends WritebackOptions>(given: T, known: readonly string[], call: string): Partial<T> {
  const options = readOptions(given, known, call);
  const pageIndexes = readPages(options.pageIndexes, 'pageIndexes');
  return { ...options, pageIndexes: pageIndexes as WritebackOptions['pageIndexes'] };
}

function begin(state: Device, pages: Disk, options: WritebackOptions): { run: Writeback; wanted: Iterable<number> } {
  const { backing } = pages;
  if (!backing) throw new ZramError('ENODEV', 'the device has no backing: set one with the option backing.');
  const wanted = wantedPages(state, pages, options);
  checkIdle(pages);
  if (backing.writing) {
    throw new ZramError(
      'EAGAIN',
      'the backing is still being written to by a snapshot, a clone or the device before its reset: try again later.',
    );
  }
  return { run: new Writeback(state, pages, backing), wanted };
}

/** States of pages that cannot be written back. */
const NOT_WRITTEN = STATE_SAME | STATE_WRITTEN_BACK;

/** The pages that were selected and can be written back. */
function wantedPages(
  { kernel }: Device,
  pages: Disk,
  { type, pageIndex, pageIndexes }: WritebackOptions,
): Iterable<number> {
  const given = [type, pageIndex, pageIndexes].filter((one) => one !== undefined).length;
  if (given !== 1)
    throw new ZramError(
      'EINVAL',
      'the options of writeback must include exactly one of type, pageIndex and pageIndexes.',
    );
  if (type !== undefined) {
    if (typeof type === 'string' && Object.hasOwn(PAGE_FLAGS, type)) {
      return slotsWith(pages, PAGE_FLAGS[type], NOT_WRITTEN);
    }
    throw new ZramError('EINVAL', `type must be one of ${Object.keys(PAGE_FLAGS).join(', ')}, not ${describe(type)}.`);
  }
  return slotsIn(pages, spansOf(pages, pageIndexes ?? [pageIndex], 'pageIndexes', kernel), NOT_WRITTEN);
}
