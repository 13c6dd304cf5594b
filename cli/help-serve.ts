/** The texts of `serve --help` and `ctl --help`. At most 120 characters wide. */
import { COMMON } from './help.js';

export const SERVE_HELP = `Usage: zram-wasm serve [IMAGE|PACK...] [--export NAME[:from=NAME]]... [--export NAME=IMAGE]... [--size S]
                       [--unix PATH | --port N [--host ADDRESS]] [--save FILE] [--control PATH] [--memory S]
                       [--algorithm NAME] [--dedup] [--read-only] [--tls-cert F --tls-key F [--tls-ca F]]
                       [--force] [--json]

Serves images as network block devices (NBD), which qemu, libnbd, nbdfuse and nbd-client open. They are held in memory,
compressed, and equal pages of all of them are stored once. Images are read once, and never written to: --save keeps
what clients have written, as a pack. Clients are let in when all is loaded; SIGINT, SIGTERM and SIGHUP end it.

  IMAGE               a file, device or pipe; '-' is standard input. Its export has the file's base name
  PACK                what 'zram-wasm pack', --save or the library has written: an export for each image in it
  --export NAME=IMAGE the image, or a pack of one, under this name
  --export NAME:from=NAME
                      a fork of another export: a copy that takes memory only for what is changed in it
  --export NAME       an empty disk, of --size
  --size S            size of empty disks, such as 512M or 10G; images that are shorter are continued with zeros.
                      Without images and --export there is one empty disk
  --unix PATH         the socket to listen on, for its owner alone (mode 600). One that a server has left behind is
                      replaced if nobody answers there
  --port N            the port to listen on: 10809 (default), or 0 for any that is free
  --host ADDRESS      the address to listen on: 127.0.0.1 (default). Beyond this machine use TLS
  --tls-cert F, --tls-key F
                      certificate and key, as PEM: clients must use TLS
  --tls-ca F          clients need a certificate that this authority, as PEM, has signed
  --save FILE         save all exports to this file at the end and on request: a pack, replaced when all is written. A
                      file that is there must be a PACK that is served; --force replaces others, and what links lead to
  --control PATH      a socket for 'zram-wasm ctl', for its owner alone: forks, snapshots, statistics, saves
  --memory S          the most memory for compressed pages and their tables: 4G (default) or less. Beyond it clients
                      are told that no space is left
  --algorithm NAME    the compressor: lz4 (default), lzo-rle, lzo, lz4hc, deflate or zstd. Packs keep theirs
  --dedup             find equal pages as they are written, not only in the background
  --read-only         nothing can be written to any export
${COMMON}
One export alone is also the one without a name. A second signal, a second or more after the first one, ends it without
saving. With --json it prints one line when it listens, and one at its end.

Exit status: 0 ended by a signal, and all is saved; 1 failed, 2 wrong usage.
`;

export const CTL_HELP = `Usage: zram-wasm ctl SOCKET REQUEST ... [--json]

Asks a server that was started with 'zram-wasm serve --control SOCKET'.

  fork FROM NAME      a new export NAME: a copy of FROM as it is now, which can be written to
  snapshot FROM NAME  a new export NAME: FROM as it is now, which stays as it is
  remove NAME         removes an export and what only it holds. One that has clients is refused without --force
  merge               stores equal pages of all exports once, at once and not only in the background
  save                saves all exports to the file of --save, as they are now; clients go on
  stat                exports, clients, memory by the columns of mm_stat, and merging by the counters of KSM

  --force             of remove: end the connections of clients
  --prometheus        of stat: in the text format of Prometheus
${COMMON}
Exit status: 0 done, 1 refused or failed, 2 wrong usage.
`;
