/**
 * Dumps that real tools make: gdb, the kernel, QEMU and SQLite, each of a process or machine that was stopped, against its
 * memory itself. Where a tool is missing, its tests are skipped and say so.
 */
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';

import { describeWithTool } from '../../support/describe-with-tool.js';
import { PAGE } from '../page-images.js';
import { analyzeJson, run } from '../run.js';
import { takeOutOfFile, type Taken } from './reading.js';

const TIMEOUT_MILLISECONDS = 120_000;

let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

type Child = ChildProcessByStdio<Writable, Readable, null>;
const children: Child[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const works = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { timeout: 20_000 }).status === 0;

const describeWith = (tool: string, isThere: boolean, tests: () => void): void =>
  describeWithTool(tool, `dumps of ${tool}`, isThere, tests);

const isLinux = process.platform === 'linux';
const hasPython = isLinux && works('python3', '-c', 'import sqlite3');

/** Pages of a process that are no zeros, and what it does when it is told to. */
async function python(script: string): Promise<Child & { pid: number }> {
  const child = spawn('python3', ['-u', '-c', script], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  return child as Child & { pid: number };
}

/** 400 pages of random bytes, and a mapping more, below them, for each line that comes in. */
const HOLDER = `
import mmap, os, sys, tempfile
held = mmap.mmap(-1, 400 * ${PAGE}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
held.write(os.urandom(400 * ${PAGE}))
more = []
print("ready")
for line in sys.stdin:
    for n in range(4):
        file = tempfile.TemporaryFile()
        file.write(b"f" * 8 * ${PAGE})
        file.flush()
        more.append((file, mmap.mmap(file.fileno(), 8 * ${PAGE}, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)))
    print("more")
`;

/** Compares what was taken out with the memory of the process, which stands still. */
function expectMemoryOf(pid: number, { places, pages }: Taken): number {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const page = Buffer.alloc(PAGE);
  let [compared, wrong] = [0, 0];
  for (const [index, place] of places.entries()) {
    try {
      readSync(memory, page, 0, PAGE, place * PAGE);
    } catch {
      continue; // such as [vvar], which a debugger may read and this may not
    }
    compared += 1;
    if (!page.equals(pages.subarray(index * PAGE, (index + 1) * PAGE))) wrong += 1;
  }
  closeSync(memory);
  expect(wrong).toBe(0);
  return compared;
}

const gcore = (pid: number, file: string): boolean =>
  works('gdb', '-p', String(pid), '-batch', '-ex', `generate-core-file ${file}`) && statSync(file).size > 0;

function canDebug(): boolean {
  if (!hasPython || !works('gdb', '--version')) return false;
  const child = spawn('sleep', ['60']);
  const file = join(mkdtempSync(join(tmpdir(), 'zram-wasm-')), 'core');
  try {
    return gcore(child.pid ?? 0, file);
  } catch {
    return false;
  } finally {
    child.kill('SIGKILL');
    rmSync(join(file, '..'), { recursive: true });
  }
}

describeWith('gdb', canDebug(), () => {
  test(
    'two gcores of one process: their pages are its memory, and meet',
    async () => {
      const child = await python(HOLDER);
      expect(gcore(child.pid, at('one'))).toBe(true);
      child.stdin.write('more mappings\n');
      // What Python says comes in pieces: of "ready" the end of the line may be still to come.
      for (let said = ''; !said.includes('more');) said += String((await once(child.stdout, 'data'))[0]);
      // Before the dump: until it is stopped behind it, it would run on.
      child.kill('SIGSTOP');
      expect(gcore(child.pid, at('two'))).toBe(true);
      expect(expectMemoryOf(child.pid, await takeOutOfFile(at('two')))).toBeGreaterThan(400);

      const { inputs, sharing } = await analyzeJson([at('one'), at('two')]);
      const [one, two] = inputs;
      // Four mappings more, and program headers, though Python may have one fewer by now: all pages have moved. (It is no
      // extent more where one goes on after another.)
      expect(two.extents! - one.extents!).toBeGreaterThanOrEqual(0);
      const further = (two.remainders![0] - one.remainders![0] + PAGE) % PAGE;
      expect([further % 56, further > 0]).toEqual([0, true]);
      expect(one.notes).toEqual([expect.stringContaining('gcore')]);
      expect(sharing!.pages[0][1]).toBeGreaterThan(400);
      const cut = await analyzeJson([at('one'), at('two'), '--format', 'raw']);
      expect(cut.sharing!.pages[0][1]).toBeLessThan(sharing!.pages[0][1] - 400);

      const { out } = await run(['diff', at('one'), at('two'), '--json']);
      const [{ by, pages, pagesTotal }] = JSON.parse(out).images;
      expect(by).toBe('address');
      expect(pages).toBeLessThan(pagesTotal - 400);
    },
    TIMEOUT_MILLISECONDS,
  );
});

const writesCores = isLinux && readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim() === 'core';

describeWith("the kernel's own cores", hasPython && writesCores, () => {
  test(
    'have the pages of the process, and holes',
    async () => {
      const script = `
import resource, mmap, os, signal
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
held = mmap.mmap(-1, 3000 * ${PAGE}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for i in range(200): held[i * ${PAGE}:i * ${PAGE} + 8] = b"%08d" % i
print("ready")
os.kill(os.getpid(), signal.SIGABRT)
`;
      const child = await python(script);
      await new Promise((resolve) => ((child.exitCode ?? child.signalCode) ? resolve(0) : child.once('exit', resolve)));
      const [core] = readdirSync(folder).filter((name) => name.startsWith('core'));
      if (core === undefined) {
        process.stderr.write('Skipped: the limit for cores is 0.\n');
        return;
      }
      const { pages } = await takeOutOfFile(at(core));
      let found = 0;
      for (let page = 0; page < pages.length; page += PAGE)
        if (/^00000\d{3}$/.test(pages.toString('latin1', page, page + 8))) found += 1;
      expect(found).toBe(200);
      const { inputs } = await analyzeJson([at(core)]);
      expect(inputs[0]).toMatchObject({ format: 'elf', remainders: [0] });
      expect(inputs[0].holes).toBeGreaterThan(2000 * PAGE);
    },
    TIMEOUT_MILLISECONDS,
  );
});

describeWith('QEMU', isLinux && works('qemu-system-x86_64', '--version'), () => {
  const MEMORY_BYTES = 16 * 1024 * 1024;

  /** Lets a machine without a disk run for a moment, stops it, and dumps it in all ways. */
  async function dumpAll(): Promise<void> {
    const options = [
      '-m',
      '16M',
      '-display',
      'none',
      '-nodefaults',
      '-vga',
      'none',
      '-accel',
      'tcg',
      '-monitor',
      'stdio',
    ];
    const machine = spawn('qemu-system-x86_64', options, { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(machine);
    let said = '';
    machine.stdout.on('data', (text: Buffer) => (said += text.toString()));
    const prompts = () => said.split('(qemu) ').length - 1;
    const until = async (isTrue: () => boolean) => {
      while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await until(() => prompts() > 0);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const command of [
      'stop',
      `pmemsave 0 ${MEMORY_BYTES} "memory.raw"`,
      'dump-guest-memory memory.elf',
      'dump-guest-memory -p memory.elfp',
      'dump-guest-memory -z memory.kdump',
      'migrate "exec:cat > memory.stream"',
    ]) {
      said = '';
      machine.stdin.write(`${command}\n`);
      await until(() => prompts() > 0);
    }
    const ended = once(machine, 'exit');
    machine.stdin.write('quit\n');
    await ended;
  }

  test(
    'every dump of one stopped machine has its memory',
    async () => {
      await dumpAll();
      const raw = readFileSync(at('memory.raw'));
      expect(raw.length).toBe(MEMORY_BYTES);
      const same: number[] = [];
      for (const name of ['memory.elf', 'memory.elfp', 'memory.kdump', 'memory.stream']) {
        const { places, pages, input } = await takeOutOfFile(at(name));
        let compared = 0;
        for (const [index, place] of places.slice(0, MEMORY_BYTES / PAGE).entries()) {
          expect(place).toBe(index);
          const page = pages.subarray(index * PAGE, (index + 1) * PAGE);
          if (page.equals(raw.subarray(place * PAGE, (place + 1) * PAGE))) compared += 1;
        }
        expect({ name, compared, truncated: input.dump.truncated }).toEqual({
          name,
          compared: MEMORY_BYTES / PAGE,
          truncated: undefined,
        });
        const { inputs, algorithms, sharing } = await analyzeJson([at('memory.raw'), at(name)]);
        const [of] = algorithms[0].inputs;
        expect(sharing!.pages[0][1]).toBe(inputs[0].pages - of.samePages);
        same.push(algorithms[0].inputs[1].samePages);
        const compared2 = await run(['diff', at('memory.raw'), at(name), '--json']);
        expect(JSON.parse(compared2.out).images[0]).toMatchObject({ by: 'address', pagesOnlyInA: 0 });
      }
      expect(new Set(same.slice(0, 3)).size).toBe(1);
      const packed = await run([
        'pack',
        ...['elf', 'kdump', 'stream'].map((end) => at(`memory.${end}`)),
        '-o',
        at('machine.zram'),
      ]);
      expect(packed.status).toBe(0);
      expect((await run(['unpack', at('machine.zram'), '-o', at('unpacked')])).status).toBe(0);
      for (const name of ['memory.elf', 'memory.kdump', 'memory.stream'])
        expect(readFileSync(at('unpacked', name)).equals(readFileSync(at(name)))).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );

  (works('sh', '-c', 'command -v makedumpfile') ? test : test.skip)(
    'makedumpfile makes a plain file of the flattened one, with the same pages',
    async () => {
      expect(works('sh', '-c', `makedumpfile -R '${at('plain')}' < '${at('memory.kdump')}'`)).toBe(true);
      const { out } = await run(['diff', at('plain'), at('memory.kdump')]);
      expect(out).toContain('no difference');
    },
    TIMEOUT_MILLISECONDS,
  );
});

describeWith('SQLite', hasPython, () => {
  /** Copies what stands beside a database inside of a transaction. */
  const script = (mode: string, end: string) => `
import sqlite3, shutil, os
db = sqlite3.connect("${mode}.db", isolation_level=None)
db.execute("pragma page_size=4096"); db.execute("pragma journal_mode=${mode}"); db.execute("pragma wal_autocheckpoint=0")
db.execute("pragma cache_size=5"); db.execute("create table t (n integer primary key, b blob)")
db.execute("begin")
for n in range(300): db.execute("insert into t values (?, ?)", (n, os.urandom(3000)))
db.execute("commit")
shutil.copyfile("${mode}.db", "${mode}.before")
db.execute("begin")
for n in range(300): db.execute("update t set b = ? where n = ?", (os.urandom(3000), n))
${mode === 'wal' ? 'db.execute("commit")' : ''}
shutil.copyfile("${mode}.db-${end}", "${mode}.copy")
${mode === 'wal' ? 'db.execute("pragma wal_checkpoint(full)")' : ''}
shutil.copyfile("${mode}.db", "${mode}.after")
print("done")
`;
  const pagesOf = (file: Buffer) =>
    Array.from({ length: file.length / PAGE }, (_, page) => file.toString('latin1', page * PAGE, (page + 1) * PAGE));

  test(
    'every page of the database is in its log; every page of the journal in the database before',
    async () => {
      await python(script('wal', 'wal'));
      const log = new Set(pagesOf((await takeOutOfFile(at('wal.copy'))).pages));
      const database = pagesOf(readFileSync(at('wal.after')));
      expect(database.length).toBeGreaterThan(300);
      expect(database.filter((page) => !log.has(page))).toEqual([]);

      await python(script('delete', 'journal'));
      const before = new Set(pagesOf(readFileSync(at('delete.before'))));
      const journal = pagesOf((await takeOutOfFile(at('delete.copy'))).pages);
      expect(journal.length).toBeGreaterThan(100);
      expect(journal.filter((page) => !before.has(page))).toEqual([]);
    },
    TIMEOUT_MILLISECONDS,
  );
});
