/** Errors in the words of just-bash's InMemoryFs: its commands decide by them what they print. */

/** A code, and its words where they are not Node's. */
const WORDS: Record<string, string | undefined> = {
  ELOOP: 'too many levels of symbolic links',
};

/** An error with a code. */
export type CodedError = Error & { code: string };

/**
 * @param words for codes that mean something else in this call
 * @param purpose of a lookup, what is below a file is simply not there
 */
export function reworded(
  error: unknown,
  verb: string,
  path: string,
  words: Record<string, string | undefined> = {},
  purpose: 'lookup' | 'change' = 'change',
  destination?: string,
): CodedError {
  const { code, message } = error as { code?: string; message?: string };
  if (!(error instanceof Error) || typeof code !== 'string' || !message?.startsWith(`${code}: `)) throw error;
  const names = destination === undefined ? `'${path}'` : `'${path}' -> '${destination}'`;
  if (purpose === 'lookup' && code === 'ENOTDIR')
    return coded('ENOENT', `no such file or directory, ${verb} ${names}`, error);
  const own = message.slice(code.length + 2).split(', ', 1)[0];
  return coded(code, `${words[code] ?? WORDS[code] ?? own}, ${verb} ${names}`, error);
}

function coded(code: string, text: string, cause: Error): CodedError {
  return Object.assign(new Error(`${code}: ${text}`, { cause }), { code });
}
