/** What unpack makes, and what it leaves alone. */
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { OutputFile } from '../../cli/output-file.js';
import { Engine, type Zram } from '../../bindings/index.js';
import { savedAll } from '../save/support.js';
import { Place } from './place.js';

const TIMEOUT_MILLISECONDS = 60_000;
const ONE_SENTENCE = /^zram-wasm: [^\n]+\n$/;
const TEBIBYTE = 1024 ** 4;
/** What costs by a disk of a tebibyte takes minutes. */
const BY_WHAT_IS_HELD_MILLISECONDS = 20_000;

let place: Place;
const at = (...parts: string[]): string => place.at(...parts);
beforeAll(() => {
  place = new Place();
});
afterAll(() => place.remove());
beforeEach(() => rmSync(at('out'), { recursive: true, force: true }));

/** A pack of devices with these pages, by name. */
async function packOf(
  images: Record<string, { disksize: number; pages: Record<number, Uint8Array> }>,
): Promise<Buffer> {
  const engine = await Engine.create();
  try {
    const pool = engine.createPool();
    const devices: Record<string, Zram> = {};
    for (const [name, { disksize, pages }] of Object.entries(images)) {
      devices[name] = engine.createZram({ disksize, pool });
      for (const [index, page] of Object.entries(pages)) devices[name].writePage(Number(index), page);
    }
    return Buffer.from(await savedAll(devices));
  } finally {
    engine.destroy();
  }
}

describe('holes', () => {
  const page = randomBytes(4096);
  const last = TEBIBYTE / 4096 - 1;

  test(
    'a disk of a tebibyte is unpacked and compared by what it holds',
    async () => {
      const disk = { 0: page, 77: new Uint8Array(4096), 1000: page, [last]: page };
      writeFileSync(at('disk.zram'), await packOf({ disk: { disksize: TEBIBYTE, pages: disk } }));
      const other = { 0: page, 1000: page.map((byte) => byte ^ 1), 1001: new Uint8Array(4096), [last]: page };
      writeFileSync(at('other.zram'), await packOf({ disk: { disksize: TEBIBYTE, pages: other } }));
      writeFileSync(at('small.zram'), await packOf({ disk: { disksize: 8192, pages: { 0: page } } }));
      const start = performance.now();
      expect(place.cli('unpack', 'disk.zram', '-o', 'out').status).toBe(0);
      const diffs = ['other.zram', 'small.zram', 'disk.zram'].map(
        (name) => JSON.parse(place.cli('diff', '--json', 'disk.zram', name).stdout).images[0],
      );
      expect(performance.now() - start).toBeLessThan(BY_WHAT_IS_HELD_MILLISECONDS);
      expect(diffs.map(({ ranges }) => ranges)).toEqual([
        [{ index: 1000, count: 1 }],
        [{ index: 2, count: last - 1 }],
        [],
      ]);
      expect(diffs[1].pages).toBe(last - 1);
      const { size, blocks } = statSync(at('out', 'disk'));
      expect(size).toBe(TEBIBYTE);
      if (process.platform === 'linux') expect(blocks * 512).toBeLessThan(100_000);
      expect(place.shell('tail -c 4096 out/disk > tail').status).toBe(0);
      expect(readFileSync(at('tail')).equals(page)).toBe(true);
      rmSync(at('out'), { recursive: true });
    },
    TIMEOUT_MILLISECONDS,
  );

  (process.platform === 'linux' ? test : test.skip)(
    'zeros that were written come back as holes, from pipes too',
    () => {
      expect(
        place.shell('truncate -s 64M a.img; head -c 5000 /dev/urandom >> a.img; truncate -s 100M a.img').status,
      ).toBe(0);
      writeFileSync(at('zeros.img'), Buffer.alloc(20 * 2 ** 20));
      const packed = place.shell('cat a.img | $CLI pack - a.img zeros.img -o a.zram --json');
      expect(JSON.parse(packed.stdout)).toMatchObject({ pages: 4, objects: 2 });
      expect(place.cli('unpack', 'a.zram', '-o', 'out').status).toBe(0);
      expect(
        place.shell('cmp a.img out/a.img && cmp a.img "out/standard input" && cmp zeros.img out/zeros.img').status,
      ).toBe(0);
      for (const name of ['a.img', 'standard input', 'zeros.img'])
        expect(statSync(at('out', name)).blocks * 512).toBeLessThan(100_000);
    },
    TIMEOUT_MILLISECONDS,
  );
});

describe('descriptors', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => `many/${n}.img`);

  (process.platform === 'win32' ? test.skip : test)(
    'a hundred images need no more of them than one',
    () => {
      mkdirSync(at('many'));
      for (const name of hundred) writeFileSync(at(name), name);
      const limited = (args: string) => place.shell(`ulimit -n 64; $CLI ${args}`);
      for (const args of [
        'pack many/*.img -o many.zram',
        'analyze many/*.img',
        'unpack many.zram -o out',
        'diff many.zram many.zram',
        `analyze --pid $$ many/*.img`,
      ])
        expect(limited(args)).toMatchObject({ status: 0, stderr: '' });
      expect(readdirSync(at('out')).length).toBe(100);
    },
    TIMEOUT_MILLISECONDS,
  );
});

(process.platform === 'linux' ? describe : describe.skip)('names as long as the system allows', () => {
  test.each([
    ['250 bytes', 'n'.repeat(250)],
    ['255 bytes', 'n'.repeat(255)],
    ['characters of several bytes', 'ж'.repeat(127)],
    ['an option', '--force'],
    ['a name of Object.prototype', '__proto__'],
  ])(
    'an image comes back under %s',
    (_, name) => {
      writeFileSync(at(name), 'an image');
      expect(place.cli('pack', '-o', 'named.zram', '--', name).status).toBe(0);
      expect(place.cli('unpack', 'named.zram', '-o', 'out').status).toBe(0);
      expect(readdirSync(at('out'))).toEqual([name]);
      expect(readFileSync(at('out', name), 'utf8')).toBe('an image');
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'one that it does not allow is a failure in a sentence, before anything is written',
    async () => {
      const images = { fine: { disksize: 4096, pages: {} }, ['n'.repeat(256)]: { disksize: 4096, pages: {} } };
      writeFileSync(at('long.zram'), await packOf(images));
      const { status, stderr } = place.cli('unpack', 'long.zram', '-o', 'out');
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(ONE_SENTENCE) });
      expect(stderr).toContain('its name is too long');
      expect(readdirSync(at('out'))).toEqual([]);
    },
    TIMEOUT_MILLISECONDS,
  );
});

describe('what is there stays without --force', () => {
  beforeAll(async () => {
    const one = { disksize: 4096, pages: { 0: Buffer.alloc(4096, 'one') } };
    const two = { disksize: 4096, pages: { 0: Buffer.alloc(4096, 'two') } };
    writeFileSync(at('two.zram'), await packOf({ one, two }));
  });

  test.each([
    ['a file', () => writeFileSync(at('out', 'two'), 'mine')],
    ['an empty file', () => writeFileSync(at('out', 'two'), '')],
    ['a dangling link', () => symlinkSync('/not/there', at('out', 'two'))],
    [
      'a link to a file',
      () => {
        writeFileSync(at('out', 'other'), 'mine');
        symlinkSync('other', at('out', 'two'));
      },
    ],
    ['a link to a folder', () => symlinkSync('/', at('out', 'two'))],
    ['a folder', () => mkdirSync(at('out', 'two'))],
  ])(
    '%s, and no other image is written either',
    (_, make) => {
      mkdirSync(at('out'));
      make();
      const before = readdirSync(at('out'));
      const facts = lstatSync(at('out', 'two'));
      const { status, stdout, stderr } = place.cli('unpack', 'two.zram', '-o', 'out');
      expect({ status, stdout, stderr }).toEqual({
        status: 1,
        stdout: '',
        stderr: expect.stringMatching(ONE_SENTENCE),
      });
      expect(readdirSync(at('out'))).toEqual(before);
      expect(lstatSync(at('out', 'two'))).toMatchObject({ ino: facts.ino, size: facts.size, mode: facts.mode });
      if (before.includes('other')) expect(readFileSync(at('out', 'other'), 'utf8')).toBe('mine');
    },
    TIMEOUT_MILLISECONDS,
  );

  test('a file that comes while another is written for its place', async () => {
    mkdirSync(at('out'));
    const output = await OutputFile.prepare(at('out', 'late'), { files: false, links: false }, () => undefined);
    const writing = output.write(async (out) => {
      await out.write(Buffer.from('new'));
      writeFileSync(at('out', 'late'), 'precious', { flag: 'wx' });
    });
    await expect(writing).rejects.toThrow(/late' already exists; --force replaces it$/);
    expect(readdirSync(at('out'))).toEqual(['late']);
    expect(readFileSync(at('out', 'late'), 'utf8')).toBe('precious');
  });

  test('a dangling link that comes meanwhile', async () => {
    mkdirSync(at('out'));
    const output = await OutputFile.prepare(at('out', 'late'), { files: false, links: false }, () => undefined);
    const writing = output.write(async () => symlinkSync('nowhere', at('out', 'late')));
    await expect(writing).rejects.toThrow(/late' already exists|something that is not a regular file/);
    expect(readdirSync(at('out'))).toEqual(['late']);
    expect(existsSync(at('out', 'nowhere'))).toBe(false);
  });
});

describe('a replacement', () => {
  (process.platform === 'win32' ? test.skip : test)(
    'is beside what a link leads to, under a short name, readable by its owner only until it has its name',
    async () => {
      mkdirSync(at('out', 'far'), { recursive: true });
      const name = 'n'.repeat(255);
      writeFileSync(at('out', 'far', name), 'old', { mode: 0o644 });
      symlinkSync(`far/${name}`, at('out', 'link'));
      const output = await OutputFile.prepare(at('out', 'link'), { files: true, links: true }, () => undefined);
      await output.write(async (out) => {
        await out.write(Buffer.from('new'));
        const [part] = place.parts('out/far');
        expect(part.length).toBeLessThan(30);
        expect(statSync(at('out', 'far', part)).mode & 0o777).toBe(0o600);
        expect(readFileSync(at('out', 'link'), 'utf8')).toBe('old');
      });
      expect(readFileSync(at('out', 'link'), 'utf8')).toBe('new');
      expect(statSync(at('out', 'link')).mode & 0o777).toBe(0o644);
      expect(readdirSync(at('out', 'far'))).toEqual([name]);
    },
  );
});

(process.platform === 'win32' ? describe.skip : describe)('with --force', () => {
  test(
    'two images that are one file by a link are not written over each other',
    () => {
      mkdirSync(at('out'));
      writeFileSync(at('out', 'two'), 'old');
      symlinkSync('two', at('out', 'one'));
      const { status, stderr } = place.cli('unpack', 'two.zram', '-o', 'out', '--force');
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(ONE_SENTENCE) });
      expect(stderr).toContain('another image of this pack was written to the same file');
      expect(readFileSync(at('out', 'two'), 'utf8')).toMatch(/^oneone/);
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'the pack itself is not replaced by an image of its name',
    () => {
      writeFileSync(at('self.zram'), 'an image of this name');
      expect(place.shell('mkdir packs; $CLI pack self.zram -o packs/self.zram').status).toBe(0);
      const before = readFileSync(at('packs', 'self.zram'));
      const { status, stderr } = place.cli('unpack', 'packs/self.zram', '-o', 'packs', '--force');
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringContaining('it is the pack that is being unpacked'),
      });
      expect(readFileSync(at('packs', 'self.zram')).equals(before)).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );
});

(process.platform === 'win32' ? describe.skip : describe)('the folder', () => {
  test(
    'is a failure where it is a file, and may be a link to one',
    () => {
      writeFileSync(at('file'), 'mine');
      for (const folder of ['file', 'file/below']) {
        const { status, stderr } = place.cli('unpack', 'two.zram', '-o', folder);
        expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(ONE_SENTENCE) });
        expect(stderr).toContain(`cannot create the folder '${folder}': `);
      }
      expect(readFileSync(at('file'), 'utf8')).toBe('mine');
      mkdirSync(at('out'));
      symlinkSync('out', at('folder-link'));
      expect(place.cli('unpack', 'two.zram', '-o', 'folder-link').status).toBe(0);
      expect(readdirSync(at('out'))).toEqual(['one', 'two']);
    },
    TIMEOUT_MILLISECONDS,
  );
});
