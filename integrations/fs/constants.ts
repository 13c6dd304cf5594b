/** Numbers of Linux, as `fs.constants` of Node has them there. */

/** Names of Node's `fs.constants` on Linux. */
export type FsConstantName =
  | 'F_OK'
  | 'X_OK'
  | 'W_OK'
  | 'R_OK'
  | 'COPYFILE_EXCL'
  | 'COPYFILE_FICLONE'
  | 'COPYFILE_FICLONE_FORCE'
  | 'O_RDONLY'
  | 'O_WRONLY'
  | 'O_RDWR'
  | 'O_CREAT'
  | 'O_EXCL'
  | 'O_NOCTTY'
  | 'O_TRUNC'
  | 'O_APPEND'
  | 'O_NONBLOCK'
  | 'O_DSYNC'
  | 'O_DIRECT'
  | 'O_DIRECTORY'
  | 'O_NOFOLLOW'
  | 'O_NOATIME'
  | 'O_SYNC'
  | 'S_IFMT'
  | 'S_IFREG'
  | 'S_IFDIR'
  | 'S_IFCHR'
  | 'S_IFBLK'
  | 'S_IFIFO'
  | 'S_IFLNK'
  | 'S_IFSOCK'
  | 'S_IRWXU'
  | 'S_IRUSR'
  | 'S_IWUSR'
  | 'S_IXUSR'
  | 'S_IRWXG'
  | 'S_IRGRP'
  | 'S_IWGRP'
  | 'S_IXGRP'
  | 'S_IRWXO'
  | 'S_IROTH'
  | 'S_IWOTH'
  | 'S_IXOTH'
  | 'UV_FS_O_FILEMAP'
  | 'UV_DIRENT_UNKNOWN'
  | 'UV_DIRENT_FILE'
  | 'UV_DIRENT_DIR'
  | 'UV_DIRENT_LINK';

/** As Node's `fs.constants` on Linux: the numbers that calls of a PageFs take. */
export type FsConstants = Readonly<Record<FsConstantName, number>>;

/** As Node's `fs.constants` on Linux: the numbers that calls of a PageFs take. */
export const constants: FsConstants = Object.freeze({
  F_OK: 0,
  X_OK: 1,
  W_OK: 2,
  R_OK: 4,
  COPYFILE_EXCL: 1,
  COPYFILE_FICLONE: 2,
  COPYFILE_FICLONE_FORCE: 4,
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_CREAT: 0o100,
  O_EXCL: 0o200,
  O_NOCTTY: 0o400,
  O_TRUNC: 0o1000,
  O_APPEND: 0o2000,
  O_NONBLOCK: 0o4000,
  O_DSYNC: 0o10000,
  O_DIRECT: 0o40000,
  O_DIRECTORY: 0o200000,
  O_NOFOLLOW: 0o400000,
  O_NOATIME: 0o1000000,
  O_SYNC: 0o4010000,
  S_IFMT: 0o170000,
  S_IFREG: 0o100000,
  S_IFDIR: 0o040000,
  S_IFCHR: 0o020000,
  S_IFBLK: 0o060000,
  S_IFIFO: 0o010000,
  S_IFLNK: 0o120000,
  S_IFSOCK: 0o140000,
  S_IRWXU: 0o700,
  S_IRUSR: 0o400,
  S_IWUSR: 0o200,
  S_IXUSR: 0o100,
  S_IRWXG: 0o070,
  S_IRGRP: 0o040,
  S_IWGRP: 0o020,
  S_IXGRP: 0o010,
  S_IRWXO: 0o007,
  S_IROTH: 0o004,
  S_IWOTH: 0o002,
  S_IXOTH: 0o001,
  UV_FS_O_FILEMAP: 0,
  UV_DIRENT_UNKNOWN: 0,
  UV_DIRENT_FILE: 1,
  UV_DIRENT_DIR: 2,
  UV_DIRENT_LINK: 3,
});

export const PAGE_SIZE = 4096;
/** Most bytes of a file: 16 TiB less a page, as the kernel's zram has for a disk. */
export const FILE_BYTES_MAX = (2 ** 32 - 1) * PAGE_SIZE;
/** Bits of the mode that chmod sets. */
export const PERMISSIONS = 0o7777;
/** What Linux takes from the mode of a new file or directory, unless a process changes it. */
export const UMASK = 0o022;
export const NAME_BYTES_MAX = 255;
export const PATH_BYTES_MAX = 4095;
/** Symbolic links in the walk of one path. */
export const LINKS_MAX = 40;
