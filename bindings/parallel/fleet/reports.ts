/**
 * Sums of the workers' answers. A worker may be a caller's own, so an answer without the expected numbers fails the
 * call.
 */
import { ZramError } from '../../base/errors.js';
import type { RecompressReport } from '../../device/post-process/recompress.js';
import type { CompactReport, MergeReport } from '../../pool/operations.js';
import type { ParallelStats } from '../types.js';

const MERGE = [
  ...(['objectsScanned', 'objectsHashed', 'objectsMerged', 'bytesMerged', 'pagesFreed', 'hashCollisions'] as const),
] as const;
const COMPACT = ['pagesFreed', 'objectsMoved'] as const;
const RECOMPRESS = ['pagesTried', 'objectsRecompressed', 'bytesSaved'] as const;
const MM_STAT = [
  ...(['origDataSize', 'comprDataSize', 'memUsedTotal', 'memLimit', 'memUsedMax', 'samePages'] as const),
  ...(['pagesCompacted', 'hugePages', 'hugePagesSince', 'pagesMerged', 'dupDataSize', 'metaDataSize'] as const),
] as const;
const IO_STAT = ['failedReads', 'failedWrites', 'invalidIo', 'notifyFree'] as const;
const MEMORY = ['used', 'reserved', 'limit'] as const;

export function mergeReport(answers: readonly unknown[]): MergeReport {
  const reports = answers.map((answer) => ({ ...timed(answer, MERGE), complete: part(answer, 'complete') === true }));
  return Object.freeze({ ...addedUp(reports, MERGE), complete: reports.every(({ complete }) => complete) });
}

export function compactReport(answers: readonly unknown[]): CompactReport {
  return Object.freeze(
    addedUp(
      answers.map((answer) => timed(answer, COMPACT)),
      COMPACT,
    ),
  );
}

export function recompressReport(answers: readonly unknown[]): RecompressReport {
  return Object.freeze(
    addedUp(
      answers.map((answer) => timed(answer, RECOMPRESS)),
      RECOMPRESS,
    ),
  );
}

/** @param notifyFree pages of all discards, of which each worker counts only those that it received */
export function parallelStats(answers: readonly unknown[], notifyFree: number): ParallelStats {
  const workers = answers.map((answer) => {
    const [mmStat, memory] = [figures(part(answer, 'mmStat'), MM_STAT), figures(part(answer, 'memory'), MEMORY)];
    return { mmStat: Object.freeze(mmStat), memory: Object.freeze(memory) };
  });
  const ioStats = answers.map((answer) => figures(part(answer, 'ioStat'), IO_STAT));
  return Object.freeze({
    mmStat: Object.freeze(
      sums(
        workers.map(({ mmStat }) => mmStat),
        MM_STAT,
      ),
    ),
    ioStat: Object.freeze({ ...sums(ioStats, IO_STAT), notifyFree }),
    memory: Object.freeze(
      sums(
        workers.map(({ memory }) => memory),
        MEMORY,
      ),
    ),
    workers: Object.freeze(workers.map((worker) => Object.freeze(worker))),
  });
}

type Figures<Key extends string> = Record<Key, number>;

function part(answer: unknown, key: string): unknown {
  return typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>)[key] : undefined;
}

function figures<Key extends string>(answer: unknown, keys: readonly Key[]): Figures<Key> {
  const entries = keys.map((key) => [key, part(answer, key)] as const);
  if (entries.every(([, value]) => Number.isFinite(value))) return Object.fromEntries(entries) as Figures<Key>;
  throw new ZramError('EIO', 'the answer of a worker must contain the numbers that were requested, and did not.');
}

function timed<Key extends string>(answer: unknown, keys: readonly Key[]): Figures<Key | 'milliseconds'> {
  return figures(answer, [...keys, 'milliseconds']);
}

function sums<Key extends string>(all: readonly Figures<Key>[], keys: readonly Key[]): Figures<Key> {
  const entries = keys.map((key) => [key, all.reduce((sum, each) => sum + each[key], 0)]);
  return Object.fromEntries(entries) as Figures<Key>;
}

/** Sums, and the longest time. */
function addedUp<Key extends string>(
  reports: readonly Figures<Key | 'milliseconds'>[],
  keys: readonly Key[],
): Figures<Key | 'milliseconds'> {
  return {
    ...sums(reports, keys),
    milliseconds: Math.max(...reports.map(({ milliseconds }) => milliseconds)),
  };
}
