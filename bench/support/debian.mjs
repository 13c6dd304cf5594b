/** A disk image of Debian, made from its packages as apt is set up here. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Makes an ext4 image of so many bytes with a Debian that boots: kernel, systemd and a shell. Needs root, mmdebstrap and e2fsprogs.
 * @returns the path of the image
 */
export function debianImage(folder, bytes) {
  mkdirSync(folder, { recursive: true });
  const image = path.join(folder, 'debian.img');
  if (existsSync(image) && statSync(image).blocks > 0) return image;
  const output = (command, ...args) =>
    execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  // Proxies and the like are the host's; mmdebstrap begins with none of its settings.
  const settings = path.join(folder, 'apt.conf');
  writeFileSync(settings, output('apt-config', 'dump', '--no-empty', '--format', '%f "%v";%n', 'Acquire'));
  const root = path.join(folder, 'root');
  rmSync(root, { recursive: true, force: true });
  const sources = /Suites:\s*(\S+)/.exec(
    output('sh', '-c', 'cat /etc/apt/sources.list.d/*.sources 2>/dev/null || true'),
  );
  const suite = sources?.[1] ?? 'bookworm';
  const packages = 'linux-image-cloud-amd64,systemd-sysv,udev,busybox-static,e2fsprogs';
  output(
    'mmdebstrap',
    '--variant=minbase',
    '--mode=root',
    `--include=${packages}`,
    `--aptopt=${settings}`,
    suite,
    root,
  );
  writeFileSync(image, '');
  truncateSync(image, bytes);
  output('mkfs.ext4', '-q', '-F', '-L', 'root', '-d', root, image);
  return image;
}
