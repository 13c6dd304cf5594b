/**
 * Linux guests: Debian's kernel and busybox, taken out of their packages, an initial ramdisk made here, and QEMU without
 * KVM, which not every machine has.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const KERNEL = 'linux-image-cloud-amd64';
const MACHINE = ['-accel', 'tcg', '-nographic', '-no-reboot', '-nodefaults', '-serial', 'stdio'];

/** Downloads and unpacks kernel and busybox into a folder, as apt is set up here. */
export function debianKernel(folder) {
  const output = (command, ...args) => execFileSync(command, args, { cwd: folder, encoding: 'utf8' });
  mkdirSync(folder, { recursive: true });
  const [, name] = /Depends: (linux-image-\S+)/.exec(output('apt-cache', 'depends', KERNEL));
  output('apt-get', 'download', name, 'busybox-static');
  for (const file of readdirSync(folder).filter((each) => each.endsWith('.deb')))
    output('dpkg-deb', '-x', file, path.join(folder, 'root'));
  return kernelOf(path.join(folder, 'root'));
}

/** The kernel that is in the root of a file system, and its parts. */
export function kernelOf(root) {
  const [boot] = readdirSync(path.join(root, 'boot')).filter((each) => each.startsWith('vmlinuz'));
  const version = boot.replace('vmlinuz-', '');
  return {
    vmlinuz: path.join(root, 'boot', boot),
    busybox: path.join(root, 'bin/busybox'),
    modules: path.join(root, 'lib/modules', version, 'kernel'),
  };
}

const plain = (module) => module.replaceAll('-', '_');

/** The files of modules and of what they depend on, in the order in which they must be loaded; without what is built in. */
function modulesInOrder(folder, wanted) {
  const files = new Map();
  for (const name of readdirSync(folder, { recursive: true }).filter((each) => each.endsWith('.ko')))
    files.set(plain(path.basename(name, '.ko')), path.join(folder, name));
  const order = new Map();
  const add = (name) => {
    const file = files.get(plain(name));
    if (file === undefined || order.has(file)) return;
    const content = readFileSync(file);
    const depends = /\0depends=([^\0]*)\0/.exec(content.toString('latin1'))?.[1] ?? '';
    for (const other of depends.split(',')) add(other);
    order.set(file, content);
  };
  for (const name of wanted) add(name);
  return order;
}

/** An entry of a cpio archive, format newc. */
function entry(name, mode, content = Buffer.alloc(0)) {
  const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
  const head = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
  const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
  return Buffer.concat([padded(Buffer.from(head, 'latin1')), padded(content)]);
}

const [DIRECTORY, PROGRAM] = [0o40755, 0o100755];

/**
 * Writes an initial ramdisk that loads modules and then runs commands of a shell.
 * @param kernel what `debianKernel` returns
 */
export function makeInitramfs(file, kernel, modules, script) {
  const loaded = [...modulesInOrder(kernel.modules, modules)];
  const init = [
    '#!/bin/busybox sh',
    '/bin/busybox mkdir -p /proc /sys /dev /tmp /mnt && /bin/busybox --install -s /bin && export PATH=/bin',
    'mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t devtmpfs dev /dev',
    ...loaded.map(([module]) => `insmod /modules/${path.basename(module)}`),
    script,
    'poweroff -f',
    '',
  ].join('\n');
  const archive = [
    ...['bin', 'modules'].map((name) => entry(name, DIRECTORY)),
    entry('bin/busybox', PROGRAM, readFileSync(kernel.busybox)),
    ...loaded.map(([module, content]) => entry(`modules/${path.basename(module)}`, PROGRAM, content)),
    entry('init', PROGRAM, Buffer.from(init)),
    entry('TRAILER!!!', 0),
  ];
  writeFileSync(file, Buffer.concat(archive));
  return file;
}

/**
 * Runs a guest until it powers itself off.
 * @param options memory as QEMU takes it, its disks as `-drive` or `-blockdev` arguments
 * @returns what it printed
 */
export async function boot(kernel, initramfs, { memory, disks = [], append = '', signal } = {}) {
  const line = `console=ttyS0 quiet panic=-1 ${append}`;
  const args = [...MACHINE, '-m', memory, '-kernel', kernel.vmlinuz, '-initrd', initramfs, '-append', line, ...disks];
  const guest = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'inherit'], signal });
  let printed = '';
  guest.stdout.on('data', (text) => (printed += text));
  const status = await new Promise((resolve, reject) => {
    guest.on('error', reject);
    guest.on('close', resolve);
  });
  if (status !== 0) throw new Error(`QEMU ended with ${status}: ${printed}`);
  return printed;
}
