/** Names that come from elsewhere and become names of files. */

/** What no name has. A backslash parts folders on Windows, and is a character like others elsewhere. */
const FORBIDDEN = process.platform === 'win32' ? /[/\\\0\p{Cs}]/u : /[/\0\p{Cs}]/u;

/** Whether a file can have this name in any folder of this system, without leading out of it. */
export function isFileName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !FORBIDDEN.test(name);
}
