/** Campaigns over seeds: their options, and the run in steps. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

/**
 * Reads the options of a campaign, which are numbers.
 * @param defaults by name; each is a whole number, and `count` at least 1
 * @returns undefined: help was asked for, and printed
 * @throws Error the usage
 */
export function readNumbers<Name extends string>(
  usage: string,
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> | undefined {
  const names = Object.keys(defaults) as Name[];
  const options: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean' } };
  for (const name of names) options[name] = { type: 'string', default: String(defaults[name]) };
  const values: Readonly<Record<string, unknown>> = parseArgs({ options }).values;
  if (values['help'] === true) {
    console.log(usage);
    return undefined;
  }
  const numbers = Object.fromEntries(names.map((name) => [name, Number(values[name])])) as Record<Name, number>;
  const isRight = (name: Name): boolean =>
    Number.isSafeInteger(numbers[name]) && numbers[name] >= (name === 'count' ? 1 : 0);
  if (!names.every(isRight)) throw new Error(usage);
  return numbers;
}

/**
 * Runs the seeds in steps, and prints after each how far it is and what `run` returned.
 * @param run takes the first seed of a step, and the one behind its last
 */
export async function inSteps(
  { seed, count }: { readonly seed: number; readonly count: number },
  step: number,
  run: (first: number, end: number) => Promise<readonly unknown[]>,
): Promise<void> {
  const started = process.cpuUsage();
  for (let first = seed; first < seed + count; first += step) {
    const end = Math.min(seed + count, first + step);
    const found = await run(first, end);
    const { user, system } = process.cpuUsage(started);
    console.log(`seeds ${seed}..${end}, ${Math.round((user + system) / 1e6)} s of the processor:`, ...found);
  }
}
