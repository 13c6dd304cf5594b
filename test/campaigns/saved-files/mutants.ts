/** Small files of `PageFs.saveAll`, and changes to them: mostly to the list of inodes, with right checksums. */
import { Engine } from '../../../bindings/index.js';
import { Forest } from '../../integrations/fs/forest.js';
import { sampleFiles, savedFiles } from '../../integrations/fs/saved-files.js';
import { Random } from '../../support/random.js';
import { changedFile } from '../../support/save-files.js';
import { fileOf, partsOf } from '../../support/save-sections.js';

const STEPS = 40;
const NUMBERS: readonly (readonly number[])[] = [
  ...[[0], [1], [2], [3], [4], [5], [6], [7], [31], [32], [33], [127], [128, 1], [255, 1], [129, 0], [255, 255, 3]],
  ...[
    [255, 255, 255, 255, 15],
    [254, 255, 255, 255, 15],
    [128, 128, 128, 128, 16],
    [255, 255, 255, 255, 31],
  ],
  ...[Array<number>(7).fill(255).concat(15), Array<number>(7).fill(255).concat(127), Array<number>(9).fill(255)],
  ...[[128, 128, 1], [46], [1, 46], [2, 46, 46], [1, 47], [1, 0], [2, 0xc3, 0x28]],
];

/** A file with some forks and snapshots. The first is the sample that has everything. */
export async function fileOfSeed(seed: number): Promise<Uint8Array> {
  const engine = Engine.createSync();
  try {
    if (seed === 0) return await savedFiles(sampleFiles(engine));
    const forest = new Forest(engine, new Random(seed, 'saved files'));
    for (let n = 0; n < STEPS; n++) forest.step();
    return await savedFiles(forest.pairs.map(({ fs }) => fs));
  } finally {
    engine.destroy();
  }
}

/** @param donor another file, of which sections are taken */
export function mutantOf(file: Uint8Array, donor: Uint8Array, seed: number): Uint8Array {
  const random = new Random(seed, 'mutant');
  if (random.chance(20)) return changedFile(file, donor, seed);
  const { preamble, sections } = partsOf(file);
  const list = sections.find(({ type }) => type === 'ATCH');
  if (list === undefined) return changedFile(file, donor, seed);
  for (let n = random.pick([1, 1, 1, 2, 3, 5]); n > 0; n--) list.payload = changedList(list.payload, random);
  return fileOf(preamble, sections);
}

function changedList(list: Uint8Array, random: Random): Uint8Array {
  if (list.length === 0) return list;
  const at = random.below(list.length);
  const length = Math.min(random.pick([1, 1, 2, 3, 8, 20, 60]), list.length - at);
  const joined = (...parts: (Uint8Array | readonly number[])[]): Uint8Array =>
    Uint8Array.from(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
  switch (random.below(9)) {
    case 0:
    case 1:
      list[at] ^= 1 << random.below(8);
      return list;
    case 2: // off by one: most numbers are a byte
      list[at] += random.pick([1, 255]);
      return list;
    case 3:
      return joined(list.subarray(0, at), random.pick(NUMBERS), list.subarray(at + 1));
    case 4:
      return joined(list.subarray(0, at), random.pick(NUMBERS), list.subarray(at));
    case 5:
      return joined(list.subarray(0, at), list.subarray(at + length));
    case 6:
      return joined(list.subarray(0, at + length), list.subarray(at));
    case 7: {
      const other = random.below(list.length);
      return list.copyWithin(other, at, at + length);
    }
    default:
      return random.chance(10) ? list.slice(0, at) : joined(list, [random.below(8)]);
  }
}
