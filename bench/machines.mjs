// Twenty machines from one Debian image: what its forks hold after each was written to, and how long a fork takes; the same
// with nbdkit's copy-on-write filter beside it.
//   npm run build && node bench/machines.mjs [--machines 20] [--boot 0] [--folder FOLDER]
// needs root, mmdebstrap, e2fsprogs, nbdfuse (libnbd) and nbdkit; for --boot N, which boots the first N of them instead of
// writing to their file systems from here, QEMU. The image is made in FOLDER, and used again if it is there.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { Engine } from '../dist/index.js';
import { createServer } from '../dist/nbd.js';
import { debianImage } from './support/debian.mjs';
import { boot, kernelOf, makeInitramfs } from './support/guest.mjs';

const MIB = 2 ** 20;
const { values } = parseArgs({
  options: {
    machines: { type: 'string', default: '20' },
    boot: { type: 'string', default: '0' },
    folder: { type: 'string' },
    mebibytes: { type: 'string', default: '768' },
  },
});
const machines = Number(values.machines);
const booted = Number(values.boot);
const run = promisify(execFile);
const work = mkdtempSync(path.join(tmpdir(), 'machines-'));
const image = debianImage(values.folder ?? path.join(work, 'debian'), Number(values.mebibytes) * MIB);
const root = path.join(path.dirname(image), 'root');

// ── what each machine writes ───────────────────────────────────────────────────────────────────────────────────────

/** Runs a program that shows a disk as a file, as long as `use` takes. */
async function asFile(uri, name, use) {
  const folder = path.join(work, name);
  mkdirSync(folder);
  const file = path.join(folder, 'nbd');
  const child = spawn('nbdfuse', [folder, uri], { stdio: 'inherit' });
  const closed = once(child, 'close');
  while (!existsSync(file) || statSync(file).size === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  try {
    await use(file);
  } finally {
    child.kill();
    await closed;
  }
}

/** A host's name, a log, a kernel that an upgrade brings, and a megabyte of what no other has. */
async function writeTo(file, n) {
  const source = (name, content) => {
    const at = path.join(work, name);
    writeFileSync(at, content);
    return at;
  };
  const log = Array.from(
    { length: 20_000 },
    (_, line) => `Jan 1 00:00:${line % 60} machine${n} daemon[${line}]: ready\n`,
  );
  const commands = [
    'rm /etc/hostname',
    `write ${source('hostname', `machine${n}\n`)} /etc/hostname`,
    `write ${source('machine-id', randomBytes(16).toString('hex'))} /etc/machine-id.new`,
    `write ${source('log', log.join(''))} /var/log/machine.log`,
    `write ${kernelOf(root).vmlinuz} /boot/vmlinuz.new`,
    `write ${source('own', randomBytes(MIB))} /root/own`,
    'rm /usr/bin/perl',
  ];
  await run('debugfs', ['-w', '-f', source('commands', `${commands.join('\n')}\n`), file]);
  await run('fsck.ext4', ['-f', '-n', file]);
}

const SCRIPT = `
mount -t ext4 /dev/vda /mnt || echo no root
echo machine$(busybox sed 's/.*machine=\\([0-9]*\\).*/\\1/' /proc/cmdline) > /mnt/etc/hostname
busybox chroot /mnt /bin/sh -c 'cp -r /usr/share/perl5 /root/; dpkg --get-selections > /root/packages; ls -lR / > /var/log/files'
head -c 1048576 /dev/urandom > /mnt/root/own
umount /mnt && echo written`;

// ── ours ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The image's blocks that are not all zeros. */
function load(device) {
  const file = openSync(image, 'r');
  const piece = Buffer.alloc(MIB);
  const zeros = Buffer.alloc(MIB);
  for (let at = 0; ; at += MIB) {
    const bytes = readSync(file, piece, 0, MIB, at);
    if (bytes === 0) return;
    if (!piece.subarray(0, bytes).equals(zeros.subarray(0, bytes))) device.write(at, piece.subarray(0, bytes));
  }
}

function rss() {
  globalThis.gc?.();
  return process.memoryUsage().rss;
}

async function ours() {
  const engine = await Engine.create();
  const start = { used: engine.memory.used, rss: rss() };
  const base = engine.createZram({ disksize: statSync(image).size, dedup: true });
  load(base);
  const one = { used: engine.memory.used - start.used, rss: rss() - start.rss };
  const mib = (bytes) => Math.round(bytes / MIB);
  const { origDataSize, comprDataSize } = base.mmStat;
  console.log(`image: ${mib(statSync(image).size)} MiB, stored ${mib(origDataSize)}, compressed to ${mib(comprDataSize)}`);
  const exports = new Map([['base', base.snapshot()]]);
  const times = [];
  for (let n = 1; n <= machines; n++) {
    const began = performance.now();
    exports.set(`vm${n}`, exports.get('base').clone());
    times.push(performance.now() - began);
  }
  const socket = path.join(work, 'zram');
  const server = createServer(exports).listen(socket);
  await once(server, 'listening');
  const kernel = booted > 0 ? kernelOf(root) : undefined;
  const initramfs =
    kernel && makeInitramfs(path.join(work, 'initramfs'), kernel, ['virtio_pci', 'virtio_blk', 'ext4'], SCRIPT);
  for (let n = 1; n <= machines; n++) {
    const uri = `nbd+unix:///vm${n}?socket=${socket}`;
    if (n <= booted) {
      const disks = ['-drive', `file=${uri},format=raw,if=virtio,discard=unmap`];
      const printed = await boot(kernel, initramfs, { memory: '256M', disks, append: `machine=${n}` });
      if (!printed.includes('written')) throw new Error(printed);
    } else await asFile(uri, `fuse${n}`, (file) => writeTo(file, n));
  }
  const all = { used: engine.memory.used - start.used, rss: rss() - start.rss };
  await new Promise((resolve) => server.close(resolve).closeAllConnections());
  times.sort((a, b) => a - b);
  console.log(`fork: ${times[machines >> 1].toFixed(2)} ms, at most ${times.at(-1).toFixed(2)}`);
  const differ = mib(
    exports
      .get('vm1')
      .diff(base)
      .reduce((sum, { count }) => sum + count * 4096, 0),
  );
  console.log(
    `zram-wasm holds ${mib(one.used)} MiB for one, ${mib(all.used)} for ${machines} that wrote ${differ} MiB each:`,
  );
  console.log(`${(all.used / one.used).toFixed(2)} times; the process grew by ${mib(one.rss)} and ${mib(all.rss)} MiB`);
}

// ── nbdkit ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a process holds: its own memory, and files that have no name any more. */
function heldBy(pid) {
  const kib = Number(/RssAnon:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
  const folder = `/proc/${pid}/fd`;
  let held = kib * 1024;
  for (const fd of readdirSync(folder)) {
    try {
      const file = path.join(folder, fd);
      if (readlinkSync(file).endsWith('(deleted)')) held += statSync(file).blocks * 512;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error; // it was closed meanwhile
    }
  }
  return held;
}

async function nbdkit() {
  let held = 0;
  for (let n = 1; n <= machines; n++) {
    const socket = path.join(work, `nbdkit${n}`);
    const child = spawn('nbdkit', ['-f', '-U', socket, '--filter=cow', 'file', image], { stdio: 'inherit' });
    while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 20));
    await asFile(`nbd+unix:///?socket=${socket}`, `cow${n}`, (file) => writeTo(file, n));
    held += heldBy(child.pid);
    child.kill();
    await once(child, 'close');
  }
  const stored = statSync(image).blocks * 512;
  const mib = (bytes) => Math.round(bytes / MIB);
  console.log(`nbdkit --filter=cow: ${mib(stored)} MiB of image, ${mib(stored + held)} with ${machines}:`);
  console.log(`${((stored + held) / stored).toFixed(2)} times, in a process and a file for each`);
}

try {
  await ours();
  await nbdkit();
} finally {
  rmSync(work, { recursive: true });
}
