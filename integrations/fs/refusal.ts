/** The error of a tar or a directory that is not taken. */
export type RefusalCode = 'EBADMSG' | 'EEXIST' | 'EILSEQ' | 'EINVAL' | 'ELOOP' | 'ENOTDIR' | 'EPERM' | 'EXDEV' | 'E2BIG';

export function refusal(code: RefusalCode, text: string): Error & { code: string } {
  return Object.assign(new Error(`${code}: ${text}`), { code });
}
