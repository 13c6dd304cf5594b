/** Names that come from elsewhere and become names of files. */

/** Whether a file can have this name in any folder, without leading out of it. */
export function isFileName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\\\0\p{Cs}]/u.test(name);
}
