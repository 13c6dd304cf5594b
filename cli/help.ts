/** The texts of `--help`: the overview, and one for each command. At most 120 characters wide. */

/** Of the commands that read images. */
const FORMATS_HELP = `  --format NAME       how files are read: auto (default) knows memory dumps by their first bytes and takes their pages
                      from where they are; raw takes every file as it is, from its first byte on. Else: elf (cores of
                      gdb, the kernel and QEMU; vmcore), kdump, lime, qemu (migration streams, libvirt), v86, sqlite
                      (WAL, journal), rastate (RetroArch)
  --at OFFSET[:BYTES] where the pages are in files without a header; may be given several times
`;

/** Of all commands. */
export const COMMON = `  --json              one JSON object instead of the report
  -h, --help          this text
  --version           the version
`;

export const HELP = `Usage: zram-wasm COMMAND ...

  analyze   shows what zram would make of the pages of files and processes, and what merging identical pages adds
  pack      stores images in one file, compressed, with each distinct page once
  unpack    writes the images of such a file out again
  diff      lists the pages in which two images or packs differ
  serve     serves images, packs and empty disks as network block devices (NBD)
  ctl       asks such a server: forks, snapshots, statistics, saves

'zram-wasm COMMAND --help' shows more; --version prints the version.
Exit status: 0 done, 1 failed, 2 wrong usage.
`;

export const ANALYZE_HELP = `Usage: zram-wasm analyze [FILE...] [--pid N[,N]]... [--algorithm LINE[,LINE]]... [--kernel V]
                         [--dedup] [--threads N] [--html FILE] [--format NAME] [--at WHERE]... [--json]
       zram-wasm analyze --zram N [--algorithm LINE[,LINE]]... [--kernel V] [--dedup] [--threads N] [--html FILE]
                         [--json]

Shows what zram would make of the pages of files and processes, and what merging identical pages adds. All inputs are
stored together on one device, so equal pages of different inputs are found; a matrix shows which inputs share them.
Every page is read back and compared. Inputs may be larger than memory; their compressed pages take up to 4 GiB.
Without inputs it analyses this process's own resident anonymous memory (outside Linux: the running executable).

  FILE                a file, device or pipe; '-' is standard input. Its last page is filled up with zeros.
  --pid N[,N]         the resident memory of processes that a kernel would swap: anonymous and shared memory, and
                      pages of files that were written to privately (Linux; needs the rights of a debugger). They keep
                      running; pages that vanish meanwhile are counted. zram holds what was swapped out, which is not
                      read: pages that were used less, and may compress better or worse.
  --zram N            a zram device of this machine, by number or path, as it is now, beside what fresh devices make of
                      its pages with its own compressor and those of --algorithm. It may be in use, as swap too. It is
                      only read, which clears idle marks, and reads pages that were written back from the backing
                      device unless block_state says which they are (Linux; needs to read /dev/zramN: root).
  --algorithm LINE    the compressors to compare, side by side on the same pages: lz4 (default), lzo-rle, lzo, lz4hc,
                      deflate (the kernel's bytes where pako is installed), zstd. A line is as in zram-generator's
                      compression-algorithm: 'lz4 zstd(level=3) (type=idle)' stores with lz4, then recompresses with
                      zstd. Parameters of a compressor: level, dict, deflate.winbits; of recompression, with every page
                      taken for idle: type, threshold, max_pages. The report ends with the line to paste.
  --kernel V          the kernel whose rules apply: 6.1, 6.12, 6.18 (default; with --zram the one that is running) or
                      7.1. Named, it also sets the default of --algorithm. Figures that were not compared with that
                      kernel's are marked as computed.
  --dedup             compare merging with inline deduplication, which shares pages as they are stored: the same pages
                      go to a second device, which takes memory and time of its own
  --threads N         threads for the algorithms, each of which is on one; default: as many as there are processors, at
                      most one an algorithm. The memory of 4 GiB is divided among the algorithms then. This process's
                      own memory is analysed on one thread.
  --html FILE         also write the report as one web page, with a map of all pages, and plots. It needs no network.
${FORMATS_HELP}${COMMON}
Columns: same-filled pages repeat one 8-byte value and take no memory. Huge pages do not compress and are stored as they
are. Sharing pages have the same content as another page: after the merge they share one object, so all but one of them
have no object of their own.

Exit status: 0 done, 1 failed, 2 wrong usage.
`;

export const PACK_HELP = `Usage: zram-wasm pack IMAGE... -o FILE [--algorithm NAME] [--force] [--memory] [--format NAME]
                      [--at WHERE]... [--json]

Stores images in one file, compressed page by page. Each distinct page is stored once, however many images hold it. The
library loads the file (Zram.loadAll); 'zram-wasm unpack' writes the images out again, byte for byte as they were.

  IMAGE               a file, device or pipe; '-' is standard input. A file that grows is packed at its first length.
  -o, --output FILE   the output. An existing file is replaced when all is written, and keeps its mode and owner.
                      Pipes and devices are written to. '-' is standard output; the report goes to standard error.
  --algorithm NAME    the compressor: lz4 (default), lzo-rle, lzo, lz4hc, deflate or zstd
  --force             if FILE is a symbolic link, replace the file that it leads to
  --memory            pack the memory of dumps, as an image from address 0 on, instead of their files
${FORMATS_HELP}${COMMON}
All images are held in memory together, compressed: up to 4 GiB.

Exit status: 0 done, 1 failed, 2 wrong usage.
`;

export const UNPACK_HELP = `Usage: zram-wasm unpack FILE [-o FOLDER] [--force] [--json]

Writes the images of a pack to files of the same names. The whole pack is checked before anything is written. Where an
image has zeros, its file has a hole. Files that the library writes (Zram.save, Zram.saveAll) are packs as well.

  FILE                a pack; '-' is standard input
  -o, --output FOLDER the folder to write to (default: here). It is created if it does not exist.
  --force             replace existing files, also those that symbolic links lead to
${COMMON}
Exit status: 0 done, 1 failed, 2 wrong usage.
`;

export const DIFF_HELP = `Usage: zram-wasm diff A B [--format NAME] [--at WHERE]... [--json]

Lists the pages of 4096 bytes in which two images differ, as ranges. Pages that only the longer one has are listed too.

  A, B                images, devices or pipes, '-' for standard input, or packs. Images of packs with several are
                      paired by name; one image is compared with one, whatever their names are. Memory dumps are
                      compared by address.
${FORMATS_HELP}${COMMON}
Exit status: 0 done, whether or not they differ; 1 failed, 2 wrong usage.
`;
