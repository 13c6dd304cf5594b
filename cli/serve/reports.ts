/** What `serve` prints when it listens, and when it has ended. */
import { exactBytes, humanBytes, plural, shorten, table } from '../format.js';
import type { Report } from '../surroundings.js';
import type { Saved } from './saving.js';

/** Of exports, in tables. */
export const NAME_WIDTH = 40;

export interface Announcement {
  readonly pid: number;
  readonly exports: readonly AnnouncedExport[];
  /** null in JSON: there is none. */
  readonly control: string | null;
  readonly save: string | null;
  readonly tls: boolean;
}

export interface AnnouncedExport {
  readonly name: string;
  readonly size: number;
  readonly readOnly: boolean;
  readonly from: string | null;
  readonly uri: string;
}

export function announcement(facts: Announcement): Report {
  const { pid, exports, control, save } = facts;
  const rows = exports.map(({ name, size, readOnly, from, uri }) => {
    const remarks = [
      ...(readOnly ? ['read only'] : []),
      ...(from === null ? [] : [`fork of ${shorten(from, NAME_WIDTH)}`]),
    ];
    return [shorten(name, NAME_WIDTH), humanBytes(size), remarks.join(', '), uri];
  });
  return {
    text: () =>
      [
        `Serving ${plural(exports.length, 'export')} by NBD, as process ${pid}`,
        ...table(rows, [0, 2, 3]),
        ...(control === null ? [] : [`Control: zram-wasm ctl ${control} stat`]),
        save === null
          ? 'Nothing is saved: when this ends, what was written is gone (--save FILE keeps it).'
          : `Saved to ${save} when this ends (SIGINT, SIGTERM, SIGHUP).`,
      ].join('\n'),
    json: (version) => JSON.stringify({ event: 'listening', version, ...facts }),
  };
}

/** @param saved undefined: nothing was to be saved */
export function endReport(signal: string, saved: Saved | undefined): Report {
  return {
    text: () =>
      saved === undefined
        ? `Ended by ${signal}; nothing was saved.`
        : `Ended by ${signal}. Saved ${plural(saved.exports, 'export')} to ${saved.file}: ${exactBytes(saved.bytes)}.`,
    json: (version) => JSON.stringify({ event: 'ended', version, signal, save: saved ?? null }),
  };
}
