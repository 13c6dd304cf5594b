/**
 * Recipes by coverage: small random changes to a set of them, kept where the set as a whole reaches the rarer kinds of
 * sequences and ends more often for the same work.
 */
import { ACCEPTED, CELLS, WHOLE, decode, isPossible } from './decoder.js';
import { BLOCK_MAX, CHOICES, Generator, PAGE, tablesOf, type Choice, type Recipe } from './generator.js';
import { Random } from '../../support/random.js';

/** Blocks by which a recipe is judged. */
const TRIED = 20_000;
/** Work for a block, in bytes, beside its own and those that it makes. */
const WORK_A_BLOCK = 20;
/** Choices that change. Damage and places are as in the first recipe: no cell would miss them, but the campaign would. */
const CHANGED: readonly Choice[] = ['sequences', 'literals', 'offsets', 'matches', 'ends', 'rooms'];
const FACTORS = [0, 0.25, 0.5, 2, 4];
const WEIGHT_MAX = 64;

const FIRST: Recipe = {
  sequences: [4, 12, 10, 4, 1],
  literals: [6, 16, 4, 1, 1],
  offsets: [1, 4, 4, 4, 6, 6, 6, 9, 4, 1, 1],
  matches: [16, 4, 4, 2, 1, 1],
  ends: [2, 8, 6, 3, 1, 1, 2, 1],
  damage: [8, 1, 1, 1, 1],
  rooms: [2, 1, 2, 2, 1, 2],
  places: [1, 1, 1, 1, 1],
};

/** Blocks that get through, and those that are whole pages, are worth as much as this many kinds of sequences. */
const ACCEPTED_WORTH = 80;
const WHOLE_WORTH = 40;

interface Judged {
  readonly recipe: Recipe;
  readonly cells: Float64Array;
  readonly work: number;
}

const possible = Array.from({ length: CELLS }, (_, cell) => cell).filter(isPossible);

/** How good a set is: the sum over all cells of the logarithm of how often it is reached for a million bytes of work. */
function worth(set: readonly Judged[]): number {
  const work = set.reduce((sum, judged) => sum + judged.work, 0) / 1e6;
  return possible.reduce((sum, cell) => {
    const count = set.reduce((all, { cells }) => all + cells[cell], 0);
    const weight = cell === ACCEPTED ? ACCEPTED_WORTH : cell === WHOLE ? WHOLE_WORTH : 1;
    return sum + weight * Math.log(count / work + 0.01);
  }, 0);
}

export function evolve(count: number, steps: number, seed: number, log: (line: string) => void): Recipe[] {
  const random = new Random(seed, 'recipes');
  const generator = new Generator();
  const out = new Uint8Array(PAGE);

  const judge = (recipe: Recipe): Judged => {
    const cells = new Float64Array(CELLS);
    const tables = tablesOf(recipe);
    let work = TRIED * WORK_A_BLOCK;
    generator.seed(seed);
    for (let n = 0; n < TRIED; n++) {
      const length = generator.make(tables);
      if (length > BLOCK_MAX + 32) throw new Error(`a block of ${length} bytes`);
      const made = decode(generator.block, length, out, PAGE, generator.room, cells);
      work += length + Math.max(made, 0);
    }
    return { recipe, cells, work };
  };
  const change = (recipe: Recipe): Recipe => {
    const choice = random.pick(CHANGED);
    const weights = [...recipe[choice]];
    const at = random.below(CHOICES[choice]);
    const least = choice === 'rooms' ? 1 : 0;
    weights[at] = Math.min(WEIGHT_MAX, Math.max(least, Math.round(Math.max(weights[at], 1) * random.pick(FACTORS))));
    return weights.some((weight) => weight > 0) ? { ...recipe, [choice]: weights } : recipe;
  };

  let set = Array.from({ length: count }, () => judge(change(change(FIRST))));
  let best = worth(set);
  for (let step = 0; step < steps; step++) {
    const at = random.below(count);
    let recipe = set[at].recipe;
    for (let n = random.below(4); n >= 0; n--) recipe = change(recipe);
    const judged = judge(recipe);
    const tried = set.map((old, index) => (index === at ? judged : old));
    const value = worth(tried);
    if (value > best) {
      best = value;
      set = tried;
    }
    if (step % 100 === 99) log(`step ${step + 1}: ${best.toFixed(1)}`);
  }
  return set.map(({ recipe }) => recipe);
}
