/** Runs seeds: each is 1,024 blocks of one recipe, and depends on nothing else. */
import type { RawExports } from '../../support/raw-core.js';
import { Arena } from './arena.js';
import { Generator, tablesOf, type Recipe } from './generator.js';

export const BLOCKS_A_SEED = 1024;
/** Seeds between two looks at the whole memory. */
const SEEDS_A_LOOK = 64;

export class Runner {
  readonly arena: Arena;
  private readonly generator = new Generator();
  private readonly tables;

  constructor(raw: RawExports, recipes: readonly Recipe[]) {
    this.arena = new Arena(raw);
    this.tables = recipes.map(tablesOf);
  }

  /** Seeds first … end - 1. */
  run(first: number, end: number): void {
    for (let seed = first; seed < end; seed++) {
      this.seed(seed);
      if (seed % SEEDS_A_LOOK === 0 || seed === end - 1) this.look(seed);
    }
  }

  private seed(seed: number): void {
    const { arena, generator } = this;
    const tables = this.tables[seed % this.tables.length];
    generator.seed(seed);
    arena.fill(seed);
    for (let n = 0; n < BLOCKS_A_SEED; n++) {
      const length = generator.make(tables);
      try {
        arena.try(generator, length);
      } catch (error) {
        const hex = Buffer.from(generator.block.subarray(0, length)).toString('hex');
        const where = `seed ${seed}, block ${n}, room ${generator.room}, place ${generator.place}`;
        throw new Error(`${where}: ${String(error)}: ${hex}`, { cause: error });
      }
    }
  }

  private look(seed: number): void {
    try {
      this.arena.expectUntouched();
    } catch (error) {
      throw new Error(`at seed ${seed} or up to ${SEEDS_A_LOOK} before it: ${String(error)}`, { cause: error });
    }
  }
}
