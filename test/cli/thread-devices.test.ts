/** Threads that compress for each other, simulated in one: whoever steps when, each device is as if it had worked alone. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Engine } from '../../bindings/index.js';
import { parseLines } from '../../cli/algorithm-line.js';
import { Device } from '../../cli/device.js';
import { BUFFERS, makeSharedMemory, SharedChunks, type Chunk } from '../../cli/shared-chunks.js';
import { ThreadDevices } from '../../cli/thread-devices.js';
import { Random, seedOfRun } from '../support/random.js';
import { image, PAGE } from './page-images.js';

const RUNS = Number(process.env.RUNS ?? 40);
const CHUNKS = 20;
const LINES = parseLines(['lz4,lzo-rle,lzo,lz4hc(level=2)']);
const seed = seedOfRun();
const random = new Random(seed, 'thread-devices');
/** Most chunks are short: the rules are the same, and more cases fit the time. */
const CONTENTS = Array.from({ length: CHUNKS }, () => image(random, random.between(1, 12)));
const PAGES = CONTENTS.map(({ length }) => length / PAGE);

/** Some pages a chunk, one chunk behind the other. */
function simulate(owners: readonly number[], schedule: readonly number[], maxMemory: string) {
  const threads = Math.max(...owners) + 1;
  const memory = makeSharedMemory(threads, LINES.length);
  const answers = Array.from({ length: threads }, () => new Array<number>());
  const engines = answers.map(() => Engine.createSync({ maxMemory }));
  const devices: Device[] = [];
  const serving = engines.map((engine, thread) => {
    const lines = [...LINES.entries()];
    const own = lines
      .filter(([line]) => owners[line] === thread)
      .map(([line, algorithm]) => ({ line, device: (devices[line] = new Device(engine, algorithm)) }));
    const helped = lines
      .filter(([line]) => owners[line] !== thread)
      .map(([line, algorithm]) => ({ line, zram: new Device(engine, algorithm).zram }));
    const chunks = new SharedChunks(memory, LINES.length);
    return new ThreadDevices(thread, chunks, own, helped, (pages) => answers[thread].push(pages));
  });
  const main = new SharedChunks(memory, LINES.length);
  let [given, index, helpedSteps] = [0, 0, 0];
  const announced = answers.map(() => new Array<Chunk>());
  const give = (): void => {
    if (given === CHUNKS || given - Math.min(...answers.map(({ length }) => length)) === BUFFERS) return;
    const chunk = { number: given, index, buffer: given % BUFFERS, pages: PAGES[given] };
    memory.buffers[chunk.buffer].set(CONTENTS[given]);
    main.open(chunk);
    for (const waiting of announced) waiting.push(chunk);
    given += 1;
    index += chunk.pages;
  };
  // Messages reach the threads late, and each on its own.
  const act = (choice: number): void => {
    const thread = choice % threads;
    const rest = Math.floor(choice / threads);
    const [message] = announced[thread].splice(0, Number(rest % 3 > 0));
    if (message !== undefined) serving[thread].announce(message);
    const before = answers[thread].length;
    if (serving[thread].step() && answers[thread].length === before) helpedSteps += 1;
    if (rest % 5 > 0) give();
  };
  for (const choice of schedule) act(choice);
  for (let n = 0; answers.some(({ length }) => length < CHUNKS); n++) {
    if (n > 10_000) throw new Error('a chunk is never stored');
    act(n);
  }
  return { answers, engines, devices, helpedSteps };
}

function written(line: number, pagesOf: readonly number[]) {
  const engine = Engine.createSync();
  const device = new Device(engine, LINES[line]);
  let index = 0;
  for (const [n, pages] of pagesOf.entries()) {
    device.write(index, CONTENTS[n].subarray(0, pages * PAGE));
    index += pages;
  }
  return { engine, device, index };
}

const owners = fc.constantFrom([0, 0, 1, 1], [0, 1, 2, 3], [0, 1, 1, 1], [2, 0, 1, 2]);
const schedule = fc.array(fc.integer({ min: 0, max: 59 }), { maxLength: 200 });

test('each device is as if one thread had written it, and each chunk is answered in order', () => {
  let helped = 0;
  const check = (own: readonly number[], choices: readonly number[]): void => {
    const { answers, engines, devices, helpedSteps } = simulate(own, choices, '64M');
    helped += helpedSteps;
    for (const each of answers) expect(each).toEqual(PAGES);
    for (const [line, { zram, store }] of devices.entries()) {
      const alone = written(line, PAGES);
      expect(zram.mmStat).toEqual(alone.device.zram.mmStat);
      const states = [zram, alone.device.zram].map((one) =>
        one.pageStates(0, alone.index).filter((_, n) => n % 2 === 0),
      );
      expect(Buffer.compare(zram.readPages(0, alone.index), alone.device.zram.readPages(0, alone.index))).toBe(0);
      expect(states[0].length).toBe(states[1].length);
      expect(store.bytes).toBeGreaterThanOrEqual(PAGES[0] * PAGE);
      expect(store.bytes).toBeLessThanOrEqual(alone.index * PAGE);
      alone.engine.destroy();
    }
    for (const engine of engines) engine.destroy();
  };
  fc.assert(fc.property(owners, schedule, check), { seed, numRuns: RUNS });
  expect(helped).toBeGreaterThan(0);
}, 120_000);

test('where memory runs out, all devices hold what was answered, and nothing waits for ever', () => {
  const check = (own: readonly number[], choices: readonly number[]): void => {
    const { answers, engines, devices } = simulate(own, choices, '448K');
    // As the main thread does: the first chunk that one of them has not stored whole is the last one.
    const least = PAGES.map((_, n) => Math.min(...answers.map((each) => each[n])));
    const short = least.findIndex((pages, n) => pages < PAGES[n]);
    const counted = short < 0 ? least : least.slice(0, short + 1);
    const bytes = Buffer.concat(counted.map((pages, n) => CONTENTS[n].subarray(0, pages * PAGE)));
    for (const { zram } of devices) expect(Buffer.compare(zram.readPages(0, bytes.length / PAGE), bytes)).toBe(0);
    for (const engine of engines) engine.destroy();
  };
  fc.assert(fc.property(owners, schedule, check), { seed, numRuns: RUNS });
}, 120_000);
