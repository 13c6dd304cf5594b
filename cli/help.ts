/** What `--help` prints: the overview, and a text for each command. At most 120 characters wide. */

/** Of the commands that read images. */
const FORMATS_HELP = `  --format NAME       how files are read: auto (default) knows memory dumps by their first bytes and takes their pages
                      from where they are; raw takes every file as it is, from its first byte on. Else: elf (cores of
                      gdb, the kernel and QEMU; vmcore), kdump, lime, qemu (migration streams, libvirt), v86, sqlite
                      (WAL, journal), rastate (RetroArch)
  --at OFFSET[:BYTES] where the pages are in files without a header; may be given several times
`;

const COMMON = `  --json              one JSON object instead of the report
  -h, --help          this text
  --version           the version
`;

export const HELP = `Usage: zram-wasm COMMAND ...

  analyze   what zram would make of the pages of files and processes, and what merging identical pages adds
  pack      images to one file, compressed, with each distinct page once
  unpack    the images out of such a file
  diff      the pages in which two images or packs differ

'zram-wasm COMMAND --help' shows more; --version prints the version.
Exit status: 0 done, 1 failed, 2 wrong usage.
`;

export const ANALYZE_HELP = `Usage: zram-wasm analyze [FILE...] [--pid N[,N]]... [--algorithm NAME[,NAME]]... [--dedup]
                         [--format NAME] [--at WHERE]... [--json]

Shows what zram would make of the pages of files and processes, and what merging identical pages adds. All inputs are
stored together on one device, so equal pages of different inputs are found, and a matrix tells which inputs share them.
Every page is read back and compared. Inputs may be larger than memory; what is stored of them takes up to 4 GiB.
With nothing named it analyses this process's own resident anonymous memory (elsewhere than on Linux: the executable).

  FILE                a file, device or pipe; '-' is standard input. Its last page is filled up with zeros.
  --pid N[,N]         the resident memory of processes that a kernel would swap: anonymous and shared memory, and
                      pages of files that were written to privately (Linux; needs the rights of a debugger). They run
                      on meanwhile; pages that vanish are counted.
  --algorithm NAME    the compressors to compare, side by side on the same pages: lz4 (default), deflate, zstd
  --dedup             compare merging with inline deduplication, which shares pages while it stores them: the same pages
                      go to a second device, which takes memory and time of its own
${FORMATS_HELP}${COMMON}
Columns: same-filled pages repeat one 8-byte value and take no memory. Huge pages do not compress and are stored as they
are. Sharing pages have the same content as another page: after the merge they have one object, so all but one of them
have no object of their own.

Exit status: 0 done, 1 failed, 2 wrong usage.
`;

export const PACK_HELP = `Usage: zram-wasm pack IMAGE... -o FILE [--algorithm NAME] [--force] [--memory] [--format NAME]
                      [--at WHERE]... [--json]

Stores images in one file: compressed page by page, and each distinct page once, whichever images it is in. The library
loads it (Zram.loadAll); 'zram-wasm unpack' writes the images out again, each byte for byte as it was.

  IMAGE               a file, device or pipe; '-' is standard input. A file is packed at its length at first.
  -o, --output FILE   where to. A file that is there is replaced, once all is written, and keeps its mode and owner.
                      Pipes and devices are written to. '-' is standard output: the report goes to standard error.
  --algorithm NAME    the compressor: lz4 (default), deflate or zstd
  --force             where FILE is a symbolic link, replace the file that it leads to
  --memory            of memory dumps, pack the memory, as an image from address 0 on, and not the file
${FORMATS_HELP}${COMMON}
All images together are held in memory, compressed: up to 4 GiB.

Exit status: 0 done, 1 failed, 2 wrong usage.
`;

export const UNPACK_HELP = `Usage: zram-wasm unpack FILE [-o FOLDER] [--force] [--json]

Writes the images of a pack to files of their names. The whole pack is checked before anything is written. Where an
image has zeros, its file has a hole. What Zram.save and Zram.saveAll of the library write are packs as well.

  FILE                a pack; '-' is standard input
  -o, --output FOLDER where to (default: here). It is made if it is not there.
  --force             replace files that are there, also those that symbolic links lead to
${COMMON}
Exit status: 0 done, 1 failed, 2 wrong usage.
`;

export const DIFF_HELP = `Usage: zram-wasm diff A B [--format NAME] [--at WHERE]... [--json]

Lists the pages of 4096 bytes in which two images differ, as ranges. Pages that only the longer one has are listed too.

  A, B                images, devices or pipes, '-' for standard input, or packs. Where a pack has several images, those
                      of one name are compared; one is compared with one, whatever they are called. Memory dumps are
                      compared by address.
${FORMATS_HELP}${COMMON}
Exit status: 0 done, whether they differ or not; 1 failed, 2 wrong usage.
`;
