/** Statistics of a server as a report. */
import { MM_STAT_COLUMNS } from '../columns.js';
import { humanBytes, number, plural, shorten, table } from '../format.js';
import { PAGE_BYTES } from '../page-list.js';
import { NAME_WIDTH } from '../serve/reports.js';
import type { ExportStatistics, Statistics } from '../serve/statistics.js';

export function statText(statistics: Statistics): string {
  const { exports, mm_stat: mmStat, memory, ksm, save } = statistics;
  const clients = exports.reduce((sum, one) => sum + one.clients, 0);
  return [
    `${plural(exports.length, 'export')}, ${plural(clients, 'client')}`,
    ...table([['', 'size', 'clients', 'data stored', 'same-filled', 'huge', ''], ...exports.map(rowOf)], [0, 6]),
    '',
    'All exports and their pool, by the columns of mm_stat',
    ...table(
      MM_STAT_COLUMNS.map(([kernel, label]) => [kernel, label, number(mmStat[kernel] ?? 0)]),
      [0, 1],
    ),
    '',
    'Merging in the background, by the counters of KSM',
    ...table(
      Object.entries(ksm).map(([counter, value]) => [counter, number(value)]),
      [0],
    ),
    '',
    `Memory: ${humanBytes(memory.used)} used of ${humanBytes(memory.limit)}; ${humanBytes(memory.reserved)} taken from the system.`,
    saveText(save),
  ].join('\n');
}

function rowOf({ name, size, readOnly, snapshot, from, clients, ...counters }: ExportStatistics): string[] {
  const origin = from === null ? '' : ` of ${shorten(from, NAME_WIDTH)}`;
  const kind = snapshot ? `snapshot${origin}` : from === null ? '' : `fork${origin}`;
  return [
    shorten(name, NAME_WIDTH),
    humanBytes(size),
    number(clients),
    humanBytes(counters.orig_data_size),
    humanBytes(counters.same_pages * PAGE_BYTES),
    number(counters.huge_pages),
    [kind, ...(readOnly && !snapshot ? ['read only'] : [])].filter((part) => part !== '').join(', '),
  ];
}

function saveText(save: Statistics['save']): string {
  if (save === undefined) return 'Nothing is saved.';
  const { file, saves, failures, lastTime } = save;
  const last = lastTime === null ? 'not saved yet' : `saved ${plural(saves, 'time')}, last ${isoTime(lastTime)}`;
  return `${file}: ${last}${failures > 0 ? `; ${plural(failures, 'attempt')} failed` : ''}.`;
}

const isoTime = (seconds: number): string => new Date(seconds * 1000).toISOString();
