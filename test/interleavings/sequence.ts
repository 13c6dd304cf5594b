/** One sequence of calls that overlap, drawn from a number. */
import { Random } from '../support/random.js';
import { engineOf, type Build } from '../support/raw-core.js';
import { FEATURES, Interleavings, type Feature } from './model.js';

const STEPS_MAX = 120;
/** Pages of memory beyond what the core begins with, where it is tight. */
const TIGHT_PAGES = 56;

/** @param seen counts what happened */
export async function runSequence(build: Build, seed: number, seen: Map<string, number>): Promise<void> {
  const random = new Random(seed, 'interleavings');
  const features = new Set<Feature>(FEATURES.filter((feature) => random.chance(feature === 'tight' ? 15 : 60)));
  const initial = ((engine) => engine.memory.reserved)(engineOf(build));
  const engine = engineOf(build, features.has('tight') ? { maxMemory: initial + TIGHT_PAGES * 4096 } : {});
  const usedBefore = engine.memory.used;
  const model = new Interleavings({ engine, random, features });
  for (let steps = random.between(10, STEPS_MAX); steps > 0; steps--) await model.step();
  if (random.chance(10)) await model.abandon();
  else {
    await model.end();
    if (engine.memory.used !== usedBefore) throw new Error('what was destroyed left memory in use');
    engine.destroy();
  }
  for (const [what, count] of model.seen) seen.set(what, (seen.get(what) ?? 0) + count);
}
