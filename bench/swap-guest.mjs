// A Linux guest whose swap is a block device of this library: it fills more memory than it has, and finds its bytes again.
//   npm run build && node bench/swap-guest.mjs [--memory 160M] [--files 12]
// needs QEMU (x86) and, for the kernel and busybox, apt. Some minutes without KVM.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Engine } from '../dist/index.js';
import { createServer } from '../dist/nbd.js';
import { boot, debianKernel, makeInitramfs } from './support/guest.mjs';

const { values } = parseArgs({
  options: { memory: { type: 'string', default: '160M' }, files: { type: 'string', default: '12' } },
});
const MIB = 2 ** 20;
/** Noise and text. */
const SCRIPT = `
mkswap /dev/vda > /dev/null && swapon /dev/vda || echo no swap
mount -t tmpfs -o size=1G files /tmp
n=0
while [ $n -lt ${values.files} ]; do
  (head -c 4194304 /dev/urandom; yes "line of file $n" | head -c 12582912) > /tmp/$n
  n=$((n + 1))
done
md5sum /tmp/* > /tmp/sums
grep vda /proc/swaps
n=0
while [ $n -lt 2 ]; do md5sum -c /tmp/sums > /dev/null && echo round $n is right; n=$((n + 1)); done
rm /tmp/*
swapoff /dev/vda && echo swap is off`;

const folder = mkdtempSync(path.join(tmpdir(), 'swap-guest-'));
const engine = await Engine.create();
const zram = engine.createZram({ disksize: '1G' });
const socket = path.join(folder, 'socket');
const server = createServer(zram).listen(socket);
try {
  await once(server, 'listening');
  const kernel = debianKernel(path.join(folder, 'kernel'));
  const initramfs = makeInitramfs(path.join(folder, 'initramfs'), kernel, ['virtio_pci', 'virtio_blk'], SCRIPT);
  const drive = `file=nbd+unix:///?socket=${socket},format=raw,if=virtio,discard=unmap`;
  let most = 0;
  const watching = setInterval(() => (most = Math.max(most, zram.mmStat.origDataSize)), 200);
  const printed = await boot(kernel, initramfs, { memory: values.memory, disks: ['-drive', drive] });
  clearInterval(watching);
  console.log(printed.trim());
  const { origDataSize } = zram.mmStat;
  console.log(`most in swap: ${(most / MIB).toFixed(0)} MiB, at the end ${(origDataSize / MIB).toFixed(0)} MiB`);
  const right = printed.match(/round \d is right/g)?.length ?? 0;
  if (right !== 2 || !printed.includes('swap is off') || most < 32 * MIB)
    throw new Error('the guest did not swap well');
} finally {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
}
