/**
 * What happens at mem_limit, as short traces with a purpose each. The kernel's answers to them are recorded in
 * test/fixtures/mem-limit.json; where there is a kernel it is asked again.
 */
import { PAGE_SIZE, prefixPage, randomPage, repeatPage, zeroPage, type DataSet } from './pages.js';
import { Random } from './random.js';
import { Operation, RECORD_WORDS, randomTrace, type Trace } from './trace.js';

export interface LimitScenario {
  readonly name: string;
  readonly trace: Trace;
}

export const LIMIT_SLOTS = 256;
export const LIMIT_SEED = 1;

/** Pages of LIMIT_PAGES by kind. Six pages are incompressible, with one frame of the pool each. */
const RANDOM = [0, 1, 2, 3, 4, 5] as const;
/** Compresses to the class of 1056 bytes, whose zspages are 8 frames with 31 objects. */
const KILOBYTE = 6;
const KILOBYTE_BYTES = 1000;
const SAME_FILLED = 7;
const ZERO = 8;
/** Then come pages of every size, for the random trace. */
const SIZES_COUNT = 100;

function limitPages(): DataSet {
  const random = new Random(LIMIT_SEED, 'mem_limit');
  const pages = [
    ...RANDOM.map(() => randomPage(random)),
    prefixPage(random, KILOBYTE_BYTES),
    repeatPage(random, 8),
    zeroPage(),
    ...Array.from({ length: SIZES_COUNT }, () => prefixPage(random, random.below(PAGE_SIZE))),
  ];
  return { name: 'mem_limit', pages: new Uint8Array(Buffer.concat(pages)) };
}

export const LIMIT_PAGES = limitPages();

const write = (slot: number, page: number) => [Operation.Write, slot, page];
const discard = (slot: number, count = 1) => [Operation.Discard, slot, count];
const compact = () => [Operation.Compact, 0, 0];
const limit = (pages: number) => [Operation.Limit, 0, pages];

function scenario(name: string, operations: readonly number[][]): LimitScenario {
  const trace = new Uint32Array(operations.length * RECORD_WORDS);
  operations.forEach((record, i) => trace.set(record, i * RECORD_WORDS));
  return { name, trace };
}

const slots = (count: number) => Array.from({ length: count }, (_, i) => i);
const fourRandomPages = RANDOM.slice(0, 4).map((page) => write(page, page));

export const LIMIT_SCENARIOS: readonly LimitScenario[] = [
  scenario('the fifth incompressible page does not fit into 16K', [limit(4), ...fourRandomPages, write(4, RANDOM[4])]),
  scenario('an overwrite needs room for both contents', [
    limit(4),
    ...fourRandomPages,
    write(0, RANDOM[5]),
    discard(3),
    write(0, RANDOM[5]),
  ]),
  scenario('same-filled pages are never refused, and free what they replace', [
    limit(4),
    ...fourRandomPages,
    write(10, SAME_FILLED),
    write(11, ZERO),
    write(1, SAME_FILLED),
    write(4, RANDOM[4]),
  ]),
  scenario('a small page is refused when it needs a whole new zspage', [
    limit(4),
    ...fourRandomPages,
    write(4, KILOBYTE),
    write(0, KILOBYTE),
  ]),
  scenario('lifting the limit lets writes through at once', [
    limit(4),
    ...fourRandomPages,
    write(4, RANDOM[4]),
    limit(0),
    write(4, RANDOM[4]),
    write(5, RANDOM[5]),
  ]),
  scenario('a limit below what is in use refuses even writes into room that is there', [
    write(8, KILOBYTE),
    ...fourRandomPages,
    limit(2),
    write(9, KILOBYTE),
    write(8, KILOBYTE),
    write(1, ZERO),
    discard(0, 4),
    write(9, KILOBYTE),
    limit(64),
    write(9, KILOBYTE),
  ]),
  scenario('compaction makes room under the limit', [
    limit(20),
    ...slots(62).map((slot) => write(slot, KILOBYTE)),
    ...RANDOM.slice(0, 4).map((page) => write(100 + page, page)),
    write(104, RANDOM[4]),
    ...slots(31).map((i) => discard(2 * i)),
    write(104, RANDOM[4]),
    compact(),
    write(104, RANDOM[4]),
    write(105, RANDOM[5]),
  ]),
  {
    name: 'a random trace under changing limits',
    trace: randomTrace({
      seed: LIMIT_SEED,
      stream: 'mem_limit',
      operations: 4000,
      slots: LIMIT_SLOTS,
      pages: LIMIT_PAGES.pages.length / PAGE_SIZE,
      limitPagesMax: 200,
    }),
  },
];
