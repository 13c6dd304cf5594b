import { once } from 'node:events';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';

import { afterEach, describe, expect, test } from '@jest/globals';

import { SharedPages } from '../../cli/page-list.js';
import { MARKER_BYTES, ProcessMemory } from '../../cli/process-memory.js';

const PAGE = 4096;
/** Larger than any number that Linux gives to a process (PID_MAX_LIMIT is 2^22). */
const NO_PID = 2 ** 22 + 1;

const children: ChildProcess[] = [];

/** A process that holds `copies` pages of one content, which starts at every 4096th byte of a buffer, and waits. */
async function holder(copies: number): Promise<ChildProcess & { pid: number }> {
  const script = `
    globalThis.held = Buffer.allocUnsafeSlow(${copies} * ${PAGE});
    const unit = require('node:crypto').randomBytes(${PAGE});
    for (let i = 0; i < ${copies}; i++) unit.copy(held, i * ${PAGE});
    console.log('ready');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  if (child.pid === undefined) throw new Error('no child');
  return child as ChildProcess & { pid: number };
}

async function readAll(memory: ProcessMemory, chunkBytes: number): Promise<Buffer> {
  const chunk = new Uint8Array(chunkBytes);
  const parts: Buffer[] = [];
  for (let bytes = -1; bytes !== 0; parts.push(Buffer.from(chunk.subarray(0, bytes)))) bytes = await memory.read(chunk);
  return Buffer.concat(parts);
}

function split(pages: Buffer): Buffer[] {
  return Array.from({ length: pages.length / PAGE }, (_, i) => pages.subarray(i * PAGE, (i + 1) * PAGE));
}

/** How often the most frequent page occurs that is not all zeros. */
function mostCopies(pages: Buffer): number {
  const counts = new Map<string, number>();
  for (const page of split(pages)) {
    if (page.every((byte) => byte === 0)) continue;
    const digest = createHash('sha256').update(page).digest('hex');
    counts.set(digest, (counts.get(digest) ?? 0) + 1);
  }
  return Math.max(...counts.values());
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;

describeOnLinux('the memory of another process', () => {
  test('holds the pages that the process wrote, each once', async () => {
    const child = await holder(2000);
    const memory = ProcessMemory.open(child.pid, new SharedPages());
    expect(memory.name).toBe(`pid ${child.pid} (node)`);
    const pages = await readAll(memory, 1024 * 1024);
    await memory.close();
    // The buffer begins somewhere in a page, so its first and last page hold something else beside the unit.
    expect(mostCopies(pages)).toBeGreaterThanOrEqual(1999);
    expect(mostCopies(pages)).toBeLessThanOrEqual(2000);
    expect(pages.length / PAGE + memory.pagesVanished).toBe(memory.pages);
  });

  test('comes the same in small and in large pieces', async () => {
    const child = await holder(300);
    child.kill('SIGSTOP');
    const first = ProcessMemory.open(child.pid, new SharedPages());
    const second = ProcessMemory.open(child.pid, new SharedPages());
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    expect(digest(await readAll(first, 65536))).toBe(digest(await readAll(second, 4 * 1024 * 1024)));
    await first.close();
    await second.close();
  });

  test('all pages of a process that has ended have vanished', async () => {
    const child = await holder(100);
    const memory = ProcessMemory.open(child.pid, new SharedPages());
    expect(memory.pages).toBeGreaterThan(100);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await memory.read(new Uint8Array(1024 * 1024))).toBe(0);
    expect(memory.pagesVanished).toBe(memory.pages);
    await memory.close();
  });

  test('a number without a process is told as that', () => {
    expect(() => ProcessMemory.open(NO_PID, new SharedPages())).toThrow(`process ${NO_PID} does not exist`);
  });

  (process.getuid?.() === 0 ? test.skip : test)('a process that may not be read is told as that', () => {
    expect(() => ProcessMemory.open(1, new SharedPages())).toThrow(
      'cannot read the memory of process 1: that needs the rights of a debugger',
    );
  });
});

describeOnLinux("this process's own memory", () => {
  const PAGES = 64;

  /** A linear memory of which `touched` pages are resident, one of them with the marker at its start. */
  function linearMemory(marker: Uint8Array, touched: number): WebAssembly.Memory {
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536 });
    const bytes = new Uint8Array(memory.buffer);
    for (let page = 0; page < touched; page++) bytes.fill(page + 1, page * PAGE, (page + 1) * PAGE);
    bytes.set(marker, 7 * PAGE);
    return memory;
  }

  test('is without the linear memory that holds the marker', async () => {
    const marker = randomBytes(MARKER_BYTES + 1).subarray(1);
    const linear = linearMemory(marker, PAGES);
    const other = new WebAssembly.Memory({ initial: 16 });
    const unit = randomBytes(PAGE);
    for (let page = 0; page < 200; page++) new Uint8Array(other.buffer).set(unit, page * PAGE);

    const memory = ProcessMemory.open(process.pid, new SharedPages(), marker);
    expect(memory.pagesLeftOut).toBe(PAGES);
    const pages = await readAll(memory, 1024 * 1024);
    await memory.close();
    expect(memory.name).toMatch(/^this process /);
    // Other linear memories belong to the process and stay in.
    expect(split(pages).filter((page) => page.equals(unit))).toHaveLength(200);
    expect(split(pages).filter((page) => page.subarray(0, MARKER_BYTES).equals(marker))).toHaveLength(0);
    expect(linear.buffer.byteLength).toBe(16 * 65536);
  });

  test('refuses to go on when the marker is nowhere', () => {
    const marker = randomBytes(MARKER_BYTES + 1).subarray(1);
    expect(() => ProcessMemory.open(process.pid, new SharedPages(), marker)).toThrow(
      "the engine's memory was not found",
    );
  });
});

/** Python can map memory as JavaScript cannot. */
const hasPython = process.platform === 'linux' && spawnSync('python3', ['-c', '']).status === 0;

(hasPython ? describe : describe.skip)('what a kernel would swap (python3)', () => {
  const READ = 2000;
  const WRITTEN = 300;
  const ZEROED = 20;
  const SHARED = 500;
  const PRIVATE_FILE = 70;

  /** Maps memory in four ways, says so and waits; pages that are written begin with a letter and their number. */
  async function mapper(): Promise<{ child: ChildProcess & { pid: number }; readingTakes: boolean }> {
    const script = `
import mmap, time, tempfile
P = ${PAGE}
def put(m, letter, count):
    for i in range(count): m[i * P:i * P + 9] = b"%c%08d" % (letter, i)
read = mmap.mmap(-1, ${READ} * P, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
def anonymous(): return next(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Anonymous:"))
before = anonymous()
sum(read[i * P] for i in range(${READ}))
taken = anonymous() - before > ${READ} * 2 # half of it, in KiB
put(read, 82, ${WRITTEN})
for i in range(${WRITTEN}, ${WRITTEN + ZEROED}): read[i * P] = 0
shared = mmap.mmap(-1, ${SHARED} * P)
put(shared, 83, ${SHARED})
f = tempfile.TemporaryFile(); f.write(b"f" * (200 * P)); f.flush()
copied = mmap.mmap(f.fileno(), 200 * P, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
sum(copied[i * P] for i in range(200))
put(copied, 67, ${PRIVATE_FILE})
print("taken" if taken else "free", flush=True)
time.sleep(600)`;
    const child = spawn('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    const readingTakes = said.toString().startsWith('taken');
    return { child: child as ChildProcess & { pid: number }, readingTakes };
  }

  const beginningWith = (pages: Buffer, letter: string) =>
    split(pages).filter((page) => new RegExp(`^${letter}[0-9]{8}$`).test(page.toString('latin1', 0, 9))).length;
  const zeros = (pages: Buffer) => split(pages).filter((page) => page.equals(Buffer.alloc(PAGE))).length;

  test('is what was written, not what was only read', async () => {
    const { child, readingTakes } = await mapper();
    child.kill('SIGSTOP');
    const memory = ProcessMemory.open(child.pid, new SharedPages());
    const pages = await readAll(memory, 1024 * 1024);
    await memory.close();
    expect(beginningWith(pages, 'R')).toBe(WRITTEN);
    expect(beginningWith(pages, 'S')).toBe(SHARED);
    expect(beginningWith(pages, 'C')).toBe(PRIVATE_FILE);
    // Zeros that were written are memory like any other.
    // Most kernels give memory to what is written; some, to what is read, too, and then it is the process's.
    const zeroed = readingTakes ? READ - WRITTEN : ZEROED;
    expect(zeros(pages)).toBeGreaterThanOrEqual(zeroed);
    expect(zeros(pages)).toBeLessThan(zeroed + 200);
    if (!readingTakes) expect(memory.pagesOnlyRead).toBeGreaterThanOrEqual(READ - WRITTEN - ZEROED);
    expect(pages.length / PAGE + memory.pagesVanished).toBe(memory.pages);
  });

  test('shared memory counts once, however many processes and mappings have it', async () => {
    const { child } = await mapper();
    child.kill('SIGSTOP');
    const shared = new SharedPages();
    const counts: number[] = [];
    for (let n = 0; n < 2; n++) {
      const memory = ProcessMemory.open(child.pid, shared);
      counts.push(beginningWith(await readAll(memory, 1024 * 1024), 'S'));
      await memory.close();
    }
    expect(counts).toEqual([SHARED, 0]);
  });
});
