/** Imports mutated tars, and checks what must hold whether they are taken or not. */
import { Engine } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { treeOf } from '../../integrations/fs/trees.js';
import { mutantOf } from './mutants.js';

/** How many were taken, and how many refused with each code. */
export type TarTally = Record<string, number>;

/** Memory that a refused import may leave taken: what the engine keeps for later. */
const KEPT_BYTES_MAX = 256 * 1024;

const CODES = new Set([
  ...['EBADMSG', 'EEXIST', 'EILSEQ', 'EINVAL', 'ELOOP', 'ENOTDIR', 'EPERM', 'EXDEV', 'E2BIG'],
  ...['EFBIG', 'ENAMETOOLONG', 'ENOSPC', 'EISDIR'],
]);

export class TarRunner {
  readonly tally: TarTally = { taken: 0 };
  readonly #engine: Engine;
  readonly #fs: PageFs;
  readonly #before: string;
  readonly #used: number;

  private constructor(engine: Engine) {
    this.#engine = engine;
    this.#fs = PageFs.createSync({ engine });
    this.#fs.mkdirSync('/into/there', { recursive: true });
    this.#fs.writeFileSync('/outside', 'not to be touched');
    this.#before = JSON.stringify(treeOf(this.#fs, '/'));
    this.#used = engine.memory.used;
  }

  static async create(): Promise<TarRunner> {
    return new TarRunner(await Engine.create());
  }

  destroy(): void {
    this.#engine.destroy();
  }

  /** Imports the mutants of some seeds. @throws Error with the seed, if something is wrong */
  async run(first: number, end: number): Promise<void> {
    for (let seed = first; seed < end; seed++) {
      try {
        await this.#one(mutantOf(seed), seed);
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    }
  }

  async #one(bytes: Buffer, seed: number): Promise<void> {
    const fork = this.#fs.fork();
    try {
      // In one piece, or in pieces of a length that fits nothing.
      const piece = 1 + (seed % 777);
      const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, n) =>
        bytes.subarray(n * piece, (n + 1) * piece),
      );
      await fork.import(seed % 2 === 0 ? bytes : pieces, { into: '/into' });
      this.#count('taken');
      this.#checkTaken(fork);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined || !CODES.has(code)) throw error;
      this.#count(code);
      if (JSON.stringify(treeOf(fork, '/')) !== this.#before) {
        throw new Error(`${code}, and something has changed`, { cause: error });
      }
    }
    fork.destroy();
    const left = this.#engine.memory.used - this.#used;
    if (left > KEPT_BYTES_MAX) throw new Error(`${left} bytes are still held`);
  }

  /** Nothing is outside, and no link leads there. */
  #checkTaken(fork: PageFs): void {
    if (fork.readFileSync('/outside', 'utf8') !== 'not to be touched') throw new Error('what is outside has changed');
    if (fork.readdirSync('/').sort().join() !== 'into,outside') throw new Error('something is outside');
    for (const entry of fork.readdirSync('/into', { recursive: true, withFileTypes: true })) {
      if (!entry.isSymbolicLink()) continue;
      const path = `${entry.parentPath}/${entry.name}`;
      const target = fork.readlinkSync(path);
      if (target.startsWith('/')) throw new Error(`${path} leads to ${target}`);
      if (fork.existsSync(path) && !fork.realpathSync(path).startsWith('/into')) throw new Error(`${path} leads out`);
    }
  }

  #count(what: string): void {
    this.tally[what] = (this.tally[what] ?? 0) + 1;
  }
}
