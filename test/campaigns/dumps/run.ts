/** Runs changed dumps of one variant. Each file depends on the seed and its number alone, so any can be made again. */
import { CliError } from '../../../cli/errors.js';
import type { Format } from '../../../cli/dumps/contents.js';
import { builders } from '../../cli/dumps/builders.js';
import type { Fixture } from '../../cli/dumps/words.js';
import { Random } from '../../support/random.js';
import { Checker } from './check.js';
import { Mutator } from './mutations.js';

/** Files that are made of one fixture: fixtures differ in their contents, and in what of them is where. */
const FILES_A_FIXTURE = 500;
/** Looking at the clock of the processor takes as long as reading a small file. */
const FILES_A_LOOK = 50;
/** Of processor time, for so many: so that none takes more. They take 5, but for the first. */
const MILLISECONDS_MAX = 250;
const SENTENCE = /^(?:cannot read 'bytes': |'bytes' is ).*\S$/s;
const SENTENCE_LENGTH_MAX = 600;

export const VARIANTS: readonly string[] = builders.map((build) => build(1, { isSmall: true }).name);

/** What became of the files. */
export interface Tally {
  files: number;
  refused: number;
  read: number;
  /** Read as far as they go. */
  truncated: number;
  /** Taken for raw memory. */
  raw: number;
  /** How often each sentence of refusal came, without its numbers and names. */
  sentences: Map<string, number>;
  /** The most that FILES_A_LOOK files took. */
  millisecondsMax: number;
  /** The most that was allocated for one. */
  bytesMax: number;
}

/** Something does not hold of a file. */
export class Fault extends Error {
  constructor(
    message: string,
    readonly bytes: Buffer,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

/** Processor time between two looks at it. */
class Clock {
  #before = process.cpuUsage();
  /** Milliseconds. */
  most = 0;

  /** @param isFirst it does not count: code that runs first is slow */
  look(isFirst: boolean): number {
    const { user, system } = process.cpuUsage(this.#before);
    this.#before = process.cpuUsage();
    if (!isFirst) this.most = Math.max(this.most, (user + system) / 1000);
    return this.most;
  }
}

/**
 * Makes and reads the files `first` to `end - 1` of a variant.
 * @param watch is told of each file before it is read
 * @param isAgain they were slow before
 */
export async function changedDumps(
  variant: number,
  seed: number,
  [first, end]: readonly [number, number],
  watch: (file: number) => void = () => undefined,
  isAgain = false,
): Promise<Tally> {
  const [checker, mutator, sentences] = [new Checker(), new Mutator(), new Map<string, number>()];
  const counts = { refused: 0, read: 0, truncated: 0, raw: 0 };
  const clock = new Clock();
  let fixture: Fixture | undefined;
  for (let file = first; file < end; file++) {
    if (fixture === undefined || file % FILES_A_FIXTURE === 0) fixture = fixtureOf(variant, seed, file);
    const random = new Random(seed, `${variant} ${file}`);
    const bytes = mutator.make(random, fixture);
    const [knowsLength, isNamed] = [random.chance(80), random.chance(50)];
    watch(file);
    try {
      const format = isNamed ? (fixture.format as Format) : 'auto';
      counts[await checker.read(bytes, knowsLength, { format, at: [] })] += 1;
    } catch (error) {
      const message = String((error as Partial<Error> | undefined)?.message);
      if (!(error instanceof CliError && SENTENCE.test(message) && message.length < SENTENCE_LENGTH_MAX))
        throw new Fault(`seed ${seed}, '${fixture.name}', file ${file}: ${message}`, Buffer.from(bytes), error);
      counts.refused += 1;
      const sentence = shapeOf(message);
      sentences.set(sentence, (sentences.get(sentence) ?? 0) + 1);
    }
    if (file % FILES_A_LOOK !== 0 || clock.look(file < first + 2 * FILES_A_LOOK) <= MILLISECONDS_MAX) continue;
    // A machine that is busy may be slow once. Of the same files it would have to be so again.
    const slow = new Fault(
      `seed ${seed}, '${fixture.name}', files to ${file}: ${clock.most} ms`,
      Buffer.from(bytes),
      '',
    );
    if (isAgain) throw slow;
    await changedDumps(variant, seed, [Math.max(0, file - 3 * FILES_A_LOOK), file + 1], watch, true);
    clock.most = 0;
  }
  return { files: end - first, ...counts, sentences, millisecondsMax: clock.most, bytesMax: checker.bytesMax };
}

function fixtureOf(variant: number, seed: number, file: number): Fixture {
  const random = new Random(seed, `fixture ${variant} ${Math.floor(file / FILES_A_FIXTURE)}`);
  return builders[variant](random.next(), { isSmall: true });
}

/** A sentence without what is different in each. */
const shapeOf = (message: string): string =>
  message
    .replace(/its JSON is broken: .*/s, 'its JSON is broken')
    .replace(/section '.*' stands/s, "section '…' stands")
    .replace(/(block|called) '.*'/s, "$1 '…'")
    .replace(/-?\b(?:0x[0-9a-f]+|\d+)\b/g, '#');
