/** Errors of tars and directories that are not taken: of the shape of Node's, with a sentence that says what is wrong. */
import type { FsError } from './errors.js';

/** Numbers of Linux. */
const ERRNO: Readonly<Record<RefusalCode, number>> = {
  EPERM: 1,
  E2BIG: 7,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENOTDIR: 20,
  EINVAL: 22,
  ENOTEMPTY: 39,
  ELOOP: 40,
  EBADMSG: 74,
  EILSEQ: 84,
};

/**
 * - `EBADMSG`: not a tar, or one that is cut, damaged or contradicts itself
 * - `EINVAL`: a name with `..`, an absolute one, or a member of unknown type; a file of another kind, as gzip
 * - `EEXIST`: a name that comes twice, or is there already
 * - `ELOOP`, `ENOTDIR`: a name that goes through a symbolic link or a file
 * - `EXDEV`: a symbolic link that leads out, or a hard link to nothing that came before it
 * - `EPERM`: a device, a fifo or a socket
 * - `EILSEQ`: a name that is not UTF-8
 * - `E2BIG`: a header, or a walk through links, beyond all measure
 * - `EBUSY`: a file of a directory that changed while it was read
 * - `ENOTEMPTY`: the directory to export to has something in it
 */
export type RefusalCode =
  | 'EPERM'
  | 'E2BIG'
  | 'EBUSY'
  | 'EEXIST'
  | 'EXDEV'
  | 'ENOTDIR'
  | 'EINVAL'
  | 'ENOTEMPTY'
  | 'ELOOP'
  | 'EBADMSG'
  | 'EILSEQ';

export function refusal(code: RefusalCode, text: string, syscall: 'import' | 'export' = 'import'): FsError {
  return Object.assign(new Error(`${code}: ${text}`), { errno: -ERRNO[code], code, syscall });
}

/** A name in a message. */
export function shown(name: string): string {
  return JSON.stringify(name.length > NAME_SHOWN_MAX ? `${name.slice(0, NAME_SHOWN_MAX)}…` : name);
}

/** Characters: a hostile name could fill a log. */
const NAME_SHOWN_MAX = 200;
