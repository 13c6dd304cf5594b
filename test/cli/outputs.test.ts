/** Outputs: whole or not at all, with the mode, owner and place of what was there. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { canBeAnother, Place } from './place.js';

const TIMEOUT_MILLISECONDS = 60_000;
/** A user with no rights of note, where tests run as root. */
const OTHER_USER = 65_533;
/** More than a pipe holds. */
const IMAGE = randomBytes(300_001);

let place: Place;
const at = (...parts: string[]): string => place.at(...parts);
beforeAll(() => {
  place = new Place();
  writeFileSync(at('a.img'), IMAGE);
  expect(place.cli('pack', 'a.img', '-o', 'a.zram').status).toBe(0);
});
afterAll(() => place.remove());

/** Whether a file is a pack of the image, which always becomes the same bytes. */
const isPack = (path: string): boolean => readFileSync(at(path)).equals(readFileSync(at('a.zram')));

const ONE_SENTENCE = /^zram-wasm: [^\n]+\n$/;
const unix = process.platform === 'win32' ? describe.skip : describe;
const asRoot = canBeAnother() ? test : test.skip;

unix('the mode and owner of what is replaced', () => {
  test.each([0o600, 0o640, 0o664, 0o444, 0o755])(
    'mode %o stays, of a pack and of an image',
    (mode) => {
      rmSync(at('kept'), { recursive: true, force: true });
      mkdirSync(at('kept'));
      for (const name of ['pack.zram', 'a.img']) {
        writeFileSync(at('kept', name), 'old');
        chmodSync(at('kept', name), mode);
      }
      if (mode === 0o444 && process.getuid?.() !== 0) return; // see below: it is not theirs to replace
      expect(place.cli('pack', 'a.img', '-o', 'kept/pack.zram').status).toBe(0);
      expect(place.cli('unpack', 'a.zram', '-o', 'kept', '--force').status).toBe(0);
      for (const name of ['pack.zram', 'a.img']) expect(statSync(at('kept', name)).mode & 0o7777).toBe(mode);
      expect(readFileSync(at('kept', 'a.img')).equals(IMAGE)).toBe(true);
      expect(isPack('kept/pack.zram')).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );

  asRoot(
    'its owner and group stay',
    () => {
      writeFileSync(at('owned.zram'), 'old');
      chownSync(at('owned.zram'), 1234, 2345);
      chmodSync(at('owned.zram'), 0o640);
      expect(place.cli('pack', 'a.img', '-o', 'owned.zram').status).toBe(0);
      const { uid, gid, mode } = statSync(at('owned.zram'));
      expect([uid, gid, mode & 0o7777]).toEqual([1234, 2345, 0o640]);
    },
    TIMEOUT_MILLISECONDS,
  );

  asRoot(
    'where they could not stay, or the file is not theirs to write, users are refused',
    () => {
      mkdirSync(at('shared'));
      chmodSync(at('shared'), 0o777);
      writeFileSync(at('shared', 'roots'), 'old');
      chmodSync(at('shared', 'roots'), 0o666);
      writeFileSync(at('shared', 'read-only'), 'old');
      chownSync(at('shared', 'read-only'), OTHER_USER, OTHER_USER);
      chmodSync(at('shared', 'read-only'), 0o444);
      writeFileSync(at('shared', 'group'), 'old');
      chownSync(at('shared', 'group'), OTHER_USER, 0);
      for (const [name, reason] of [
        ['roots', 'it belongs to another user'],
        ['read-only', 'permission denied'],
        ['group', 'its owner and group cannot be kept'],
      ]) {
        const { status, stdout, stderr } = place.cliAs(OTHER_USER, 'pack', 'a.img', '-o', `shared/${name}`);
        expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
        expect(stderr).toMatch(ONE_SENTENCE);
        expect(stderr).toContain(`cannot write 'shared/${name}': ${reason}`);
        expect(readFileSync(at('shared', name), 'utf8')).toBe('old');
      }
      expect(place.parts('shared')).toEqual([]);
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'a new one has what the umask leaves',
    () => {
      rmSync(at('new'), { recursive: true, force: true });
      expect(place.shell('umask 027; $CLI pack a.img -o new.zram && $CLI unpack a.zram -o new').status).toBe(0);
      expect(statSync(at('new.zram')).mode & 0o7777).toBe(0o640);
      expect(statSync(at('new', 'a.img')).mode & 0o7777).toBe(0o640);
    },
    TIMEOUT_MILLISECONDS,
  );
});

unix('links', () => {
  beforeEach(() => {
    rmSync(at('links'), { recursive: true, force: true });
    mkdirSync(at('links', 'far'), { recursive: true });
    writeFileSync(at('links', 'far', 'target'), 'old');
    symlinkSync('far/target', at('links', 'second'));
    symlinkSync('second', at('links', 'a.img'));
    symlinkSync('not/there', at('links', 'dangling'));
    symlinkSync('loop', at('links', 'loop'));
  });

  test.each([
    ['pack', 'a.img', '-o', 'links/a.img'],
    ['unpack', 'a.zram', '-o', 'links'],
  ])(
    '%s refuses one without --force, and follows it to its end with --force',
    (...args) => {
      const refused = place.cli(...args);
      expect(refused).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(ONE_SENTENCE) });
      expect(refused.stderr).toContain('--force replaces');
      expect(readFileSync(at('links', 'far', 'target'), 'utf8')).toBe('old');
      expect(place.cli(...args, '--force').status).toBe(0);
      expect(readlinkSync(at('links', 'a.img'))).toBe('second');
      expect(readlinkSync(at('links', 'second'))).toBe('far/target');
      expect(statSync(at('links', 'far', 'target')).size).toBeGreaterThan(IMAGE.length - 1);
      expect([...place.parts('links'), ...place.parts('links/far')]).toEqual([]);
    },
    TIMEOUT_MILLISECONDS,
  );

  test.each([
    ['dangling', "it is a symbolic link to 'not/there', which does not exist"],
    ['loop', 'too many symbolic links'],
  ])(
    '%s ones are refused either way',
    (name, reason) => {
      expect(place.shell(`cp a.img ${name}; $CLI pack ${name} -o ${name}.zram`).status).toBe(0);
      const commands = [
        ['pack', 'a.img', '-o', `links/${name}`, '--force'],
        ['unpack', `${name}.zram`, '-o', 'links', '--force'],
      ];
      for (const args of commands) {
        const { status, stderr } = place.cli(...args);
        expect({ status, stderr }).toEqual({
          status: 1,
          stderr: `zram-wasm: cannot write 'links/${name}': ${reason}\n`,
        });
      }
      expect(place.cli('pack', 'a.img', '-o', `links/${name}`).status).toBe(1);
      expect(place.cli('unpack', `${name}.zram`, '-o', 'links').status).toBe(1);
      expect(lstatSync(at('links', name)).isSymbolicLink()).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );
});

unix('standard output', () => {
  test.each(['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1', 'a-link'])(
    '-o %s streams the pack, and the report goes to standard error',
    (output) => {
      rmSync(at('a-link'), { force: true });
      symlinkSync('/dev/stdout', at('a-link'));
      for (const to of ['| cat > piped.zram', '> piped.zram', '>> piped.zram']) {
        writeFileSync(at('piped.zram'), '');
        const { status, stderr } = place.shell(`set -o pipefail; $CLI pack a.img -o ${output} ${to}`);
        expect(status).toBe(0);
        expect(stderr).toMatch(/^Packed with lz4: 1 image/);
        expect(isPack('piped.zram')).toBe(true);
      }
      expect(lstatSync(at('a-link')).isSymbolicLink()).toBe(true);
      if (process.platform === 'linux') expect(readlinkSync('/dev/stdout')).toMatch(/self\/fd\/1$/);
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'with --json, standard error is the JSON',
    () => {
      const { status, stderr } = place.shell('$CLI pack a.img -o - --json > piped.zram');
      expect(status).toBe(0);
      expect(JSON.parse(stderr)).toMatchObject({ output: '-', bytes: statSync(at('piped.zram')).size });
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'what stands there already stays: it is written to from where it stands',
    () => {
      expect(place.shell('(echo first; $CLI pack a.img -o /dev/stdout) > both').status).toBe(0);
      writeFileSync(at('second.zram'), readFileSync(at('both')).subarray('first\n'.length));
      expect(isPack('second.zram')).toBe(true);
      expect(place.shell('echo first > both; $CLI pack a.img -o - >> both').status).toBe(0);
      expect(
        readFileSync(at('both'))
          .subarray(6)
          .equals(readFileSync(at('second.zram'))),
      ).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'another descriptor that the shell has opened is an output like it',
    () => {
      const { status, stdout } = place.shell('$CLI pack a.img -o /dev/fd/7 7> seven.zram');
      expect(status).toBe(0);
      expect(stdout).toMatch(/^Packed with/);
      expect(isPack('seven.zram')).toBe(true);
      // The same as standard output, under another number.
      expect(place.shell('$CLI pack a.img -o /dev/fd/7 7>&1 | cat > seven.zram').stderr).toMatch(/^Packed with/);
      expect(isPack('seven.zram')).toBe(true);
      const closed = place.cli('pack', 'a.img', '-o', '/dev/fd/99');
      expect(closed).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(ONE_SENTENCE) });
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'a file that is both -o and standard output gets the pack only',
    () => {
      const { status, stderr } = place.shell('$CLI pack a.img -o same.zram > same.zram');
      expect(status).toBe(0);
      expect(stderr).toMatch(/^Packed with/);
      expect(isPack('same.zram')).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'a reader that goes away is a failure with one sentence',
    () => {
      const { status, stderr } = place.shell('set -o pipefail; $CLI pack a.img -o - | head -c 10 > /dev/null');
      expect(status).toBe(1);
      expect(stderr).toBe("zram-wasm: cannot write 'standard output': its reader has closed it\n");
    },
    TIMEOUT_MILLISECONDS,
  );
});

(process.platform === 'linux' ? describe : describe.skip)('pipes and devices are written to as they stand', () => {
  test(
    'a device without room is a failure with one sentence',
    () => {
      for (const line of [
        '$CLI pack a.img -o /dev/full',
        '$CLI pack a.img -o - > /dev/full',
        '$CLI --help > /dev/full',
      ]) {
        const { status, stdout, stderr } = place.shell(line);
        expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
        expect(stderr).toMatch(/^zram-wasm: cannot write [^\n]*no space left on the device\n$/);
      }
      expect(statSync('/dev/full').isCharacterDevice()).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'a pipe without a reader says so, and goes on when there is one',
    async () => {
      expect(place.shell('rm -f fifo; mkfifo fifo').status).toBe(0);
      const child = place.start('pack', 'a.img', '-o', 'fifo');
      const exit = once(child, 'exit');
      const report = text(child.stdout);
      const [message] = await once(child.stderr, 'data');
      expect(String(message)).toBe("zram-wasm: 'fifo' is a pipe: waiting for a reader\n");
      // A reader that takes its time.
      expect(place.shell('exec < fifo; sleep 0.3; cat > slow.zram').status).toBe(0);
      expect(await exit).toEqual([0, null]);
      expect(await report).toMatch(/^Packed with/);
      expect(isPack('slow.zram')).toBe(true);
      expect(statSync(at('fifo')).isFIFO()).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'Ctrl-C ends the waiting',
    async () => {
      expect(place.shell('rm -f fifo; mkfifo fifo').status).toBe(0);
      const child = place.start('pack', 'a.img', '-o', 'fifo');
      const exit = once(child, 'exit');
      await once(child.stderr, 'data');
      child.kill('SIGINT');
      expect(await exit).toEqual([null, 'SIGINT']);
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'unpack writes to one with --force only, and zeros where an image has a hole',
    () => {
      expect(place.shell('rm -rf pipes; mkdir pipes; mkfifo pipes/hole.img').status).toBe(0);
      expect(place.shell('truncate -s 3M hole.img; echo end >> hole.img; $CLI pack hole.img -o hole.zram').status).toBe(
        0,
      );
      expect(place.cli('unpack', 'hole.zram', '-o', 'pipes').stderr).toContain('already exists; --force');
      const { status } = place.shell('cat pipes/hole.img > got & $CLI unpack hole.zram -o pipes --force; wait');
      expect(status).toBe(0);
      expect(readFileSync(at('got')).equals(readFileSync(at('hole.img')))).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );
});

unix('inputs that change', () => {
  /** Packs a pipe and then a file, which is changed before its turn comes. */
  async function packWhile(change: () => void): Promise<{ status: number; stderr: string }> {
    expect(place.shell('rm -f fifo; mkfifo fifo').status).toBe(0);
    const child = place.start('pack', 'fifo', 'live.img', '-o', 'live.zram', '--json');
    const exit = once(child, 'exit');
    const stderr = text(child.stderr);
    child.stdout.resume();
    const pipe = openSync(at('fifo'), 'w'); // opened by now: all inputs were looked at
    change();
    closeSync(pipe);
    const [status] = (await exit) as [number];
    return { status, stderr: await stderr };
  }

  test.each([0, 5000])(
    'one of %d bytes that grows is packed at its length when it was opened, with a remark',
    async (bytes) => {
      writeFileSync(at('live.img'), IMAGE.subarray(0, bytes));
      const { status, stderr } = await packWhile(() => appendFileSync(at('live.img'), IMAGE));
      expect(status).toBe(0);
      expect(stderr).toMatch(/^zram-wasm: 'live\.img' grew while it was read: .*\n$/);
      rmSync(at('out'), { recursive: true, force: true });
      expect(place.cli('unpack', 'live.zram', '-o', 'out').status).toBe(0);
      expect(readFileSync(at('out', 'live.img')).equals(IMAGE.subarray(0, bytes))).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'one that shrinks is a failure, and the output stays as it was',
    async () => {
      writeFileSync(at('live.img'), IMAGE);
      writeFileSync(at('live.zram'), 'old');
      const { status, stderr } = await packWhile(() => truncateSync(at('live.img'), 100));
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: "zram-wasm: cannot store 'live.img': it shrank while it was read\n",
      });
      expect(readFileSync(at('live.zram'), 'utf8')).toBe('old');
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'an input that is the output is refused, under whatever name',
    () => {
      writeFileSync(at('self.img'), IMAGE);
      for (const name of ['self-link', 'self-hard']) rmSync(at(name), { force: true });
      symlinkSync('self.img', at('self-link'));
      linkSync(at('self.img'), at('self-hard'));
      for (const args of [
        'pack self.img -o self.img',
        'pack a.img self.img -o self-link --force',
        'pack self-link -o self-hard',
        'pack - -o self.img < self.img',
        'pack self.img -o - >> self.img',
      ]) {
        const { status, stderr } = place.shell(`$CLI ${args}`);
        expect({ status, stderr }).toEqual({
          status: 1,
          stderr: expect.stringMatching(/cannot pack '[^']+' into itself/),
        });
        expect(readFileSync(at('self.img')).equals(IMAGE)).toBe(true);
      }
    },
    TIMEOUT_MILLISECONDS,
  );
});

unix('an interruption', () => {
  beforeAll(() => {
    writeFileSync(at('big.img'), randomBytes(48 * 2 ** 20));
    expect(place.cli('pack', 'big.img', '-o', 'big.zram').status).toBe(0);
  }, TIMEOUT_MILLISECONDS);

  test.each([
    ['SIGINT', 'pack', 'big.img', '-o', 'cut/big.img'],
    ['SIGTERM', 'pack', 'big.img', '-o', 'cut/big.img'],
    ['SIGINT', 'unpack', 'big.zram', '-o', 'cut', '--force'],
    ['SIGTERM', 'unpack', 'big.zram', '-o', 'cut', '--force'],
    ['SIGHUP', 'unpack', 'big.zram', '-o', 'cut', '--force'],
  ] as const)(
    'by %s leaves the old file and no part: %s',
    async (signal, ...args) => {
      rmSync(at('cut'), { recursive: true, force: true });
      mkdirSync(at('cut'));
      writeFileSync(at('cut', 'big.img'), 'old');
      const child = place.start(...args);
      const exit = once(child, 'exit');
      while (place.parts('cut').length === 0 && child.exitCode === null) await delay(1);
      child.kill(signal);
      expect(await exit).toEqual([null, signal]);
      expect(place.parts('cut')).toEqual([]);
      expect(readFileSync(at('cut', 'big.img'), 'utf8')).toBe('old');
    },
    TIMEOUT_MILLISECONDS,
  );
});
