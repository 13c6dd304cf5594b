/**
 * Copies what a walk finds, with its content, from one file system to a sink: from a directory into a tree, from a tree to
 * a directory, or from one state of a tree to another.
 */
import type { NodeStats, ReadableFs } from './node-calls.js';
import { refusal, shown } from './refusal.js';
import type { MemberSink } from './tar-reader.js';
import type { Part } from './tar-sparse.js';
import type { Found } from './tree-members.js';

/** Which parts of a file are no holes; undefined: that is not known, or all are. */
export type PartsOf = (stats: NodeStats) => readonly Part[] | undefined;

/** Bytes that are read at once. */
export const PIECE_BYTES = 256 * 1024;

/** Copies one member. */
export function copyMember(fs: ReadableFs, partsOf: PartsOf, { path, member, stats }: Found, sink: MemberSink): void {
  sink.begin(member);
  if (member.type === 'file' && member.size > 0) {
    const parts = partsOf(stats) ?? [{ offset: 0, length: member.size }];
    const buffer = new Uint8Array(Math.min(PIECE_BYTES, member.size));
    const fd = fs.openSync(path, 'r');
    try {
      for (const { offset, length } of parts) {
        for (let done = 0; done < length;) {
          const piece = buffer.subarray(0, Math.min(buffer.length, length - done));
          readWhole(fs, fd, piece, offset + done, path);
          sink.content(piece, offset + done);
          done += piece.length;
        }
      }
    } finally {
      fs.closeSync(fd);
    }
  }
  sink.end();
}

/** @throws EBUSY: the file has become shorter */
export function readWhole(fs: ReadableFs, fd: number, out: Uint8Array, position: number, path: string): void {
  for (let done = 0; done < out.length;) {
    const read = fs.readSync(fd, out, done, out.length - done, position + done);
    if (read === 0) throw refusal('EBUSY', `${shown(path)} became shorter while it was read`);
    done += read;
  }
}
