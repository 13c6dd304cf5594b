/**
 * What `--algorithm` takes: names of compressors, or lines as zram-generator has them in `compression-algorithm`
 * (man zram-generator.conf). The first compressor of a line stores; later ones, by priority, recompress. Parameters follow
 * a name in parentheses; in parentheses without a name they are those of recompression by any of them.
 */
import { KERNELS, type KernelVersion } from '../bindings/index.js';
import { UsageError } from './errors.js';

/** A line, taken apart. */
export interface AlgorithmLine {
  /** The line, with single spaces. */
  readonly text: string;
  readonly stages: readonly Stage[];
  /** Words for `recompress`, whatever the compressor. */
  readonly recompress: Words;
}

/** A compressor of a line: its place is its priority. */
export interface Stage {
  readonly name: string;
  /** Words for `algorithm_params`. */
  readonly params: Words;
  /** Words for `recompress`. */
  readonly recompress: Words;
}

/** Values by parameter. */
export type Words = ReadonlyMap<string, string>;

const PARAMS = ['level', 'dict', 'deflate.winbits'];
const RECOMPRESS = ['type', 'threshold', 'max_pages'];
/** zram has one primary compressor, and three that recompress. */
const STAGES_MAX = 4;

/** The lines in the values of `--algorithm`, each once. Commas part them, except in parentheses. @throws UsageError */
export function parseLines(values: readonly string[]): AlgorithmLine[] {
  const texts = values.flatMap((value) => value.split(/,(?![^()]*\))/));
  const lines = new Map<string, AlgorithmLine>();
  for (const text of texts) {
    if (text.trim() === '')
      throw new UsageError('--algorithm has an empty value; write --algorithm A or --algorithm A,B');
    const line = new LineParser(text.trim()).parse();
    lines.set(line.text, line);
  }
  return [...lines.values()];
}

/** A line of one compressor without parameters. */
export function lineOf(name: string): AlgorithmLine {
  return { text: name, stages: [{ name, params: new Map(), recompress: new Map() }], recompress: new Map() };
}

class LineParser {
  readonly #stages: Stage[] = [];
  #recompress: Words | undefined;

  constructor(readonly line: string) {}

  parse(): AlgorithmLine {
    const tokens = [...this.line.matchAll(/\S+/g)];
    for (const { 0: token, index } of tokens) this.#take(token, index);
    if (this.#stages.length === 0) throw this.#wrong(0, 'it names no compressor');
    if (this.#stages.length === 1 && this.#recompress !== undefined)
      throw this.#wrong(this.line.lastIndexOf('('), 'no second compressor is named that could recompress');
    const text = tokens.map(([token]) => token).join(' ');
    return { text, stages: this.#stages, recompress: this.#recompress ?? new Map() };
  }

  #take(token: string, at: number): void {
    const [, name = '', list] = /^([^()]*)(?:\(([^()]*)\))?$/.exec(token) ?? [undefined, token];
    if (/[()]/.test(name))
      throw this.#wrong(
        at,
        `'${token}' must be NAME, NAME(PARAMETER=VALUE,...) or (PARAMETER=VALUE,...), without spaces`,
      );
    const words = list === undefined ? new Map<string, string>() : this.#words(list, at + name.length + 1);
    if (name === '') {
      if (this.#recompress !== undefined) throw this.#wrong(at, 'parameters without a compressor must be given once');
      this.#refuse(words, PARAMS, at, 'belongs to a compressor: write NAME(');
      this.#recompress = words;
      return;
    }
    if (this.#stages.length === STAGES_MAX) throw this.#wrong(at, `zram has ${STAGES_MAX} compressors at most`);
    if (this.#stages.length === 0)
      this.#refuse(
        words,
        RECOMPRESS,
        at,
        'belongs to recompression, and the first compressor stores: write it behind it, (',
      );
    const pick = (keys: readonly string[]): Words => new Map([...words].filter(([key]) => keys.includes(key)));
    this.#stages.push({ name, params: pick(PARAMS), recompress: pick(RECOMPRESS) });
  }

  #words(list: string, from: number): Map<string, string> {
    const words = new Map<string, string>();
    let at = from;
    for (const word of list.split(',')) {
      const [, key = '', value = ''] = /^([^=]*)=(.+)$/.exec(word) ?? [];
      if (![...PARAMS, ...RECOMPRESS].includes(key))
        throw this.#wrong(
          at,
          `'${word}' must be PARAMETER=VALUE, with one of ${[...PARAMS, ...RECOMPRESS].join(', ')}`,
        );
      if (words.has(key)) throw this.#wrong(at, `${key} is given twice`);
      words.set(key, value);
      at += word.length + 1;
    }
    return words;
  }

  #refuse(words: Words, keys: readonly string[], at: number, why: string): void {
    const found = [...words].find(([key]) => keys.includes(key));
    if (found) throw this.#wrong(at, `${found[0]} ${why}${found.join('=')})`);
  }

  /** @param at of the line, from 0 */
  #wrong(at: number, what: string): UsageError {
    return new UsageError(`--algorithm '${this.line}', character ${at + 1}: ${what}`);
  }
}

export const textOfWords = (words: Words): string => [...words].map((word) => word.join('=')).join(' ');

/**
 * What is written to `recompress`, call by call. One call where the kernel goes through all compressors by itself and none
 * has words of its own; else one for each, in the order of their priorities.
 */
export function recompressCalls({ stages, recompress }: AlgorithmLine, kernel: KernelVersion): string[] {
  const secondaries = stages.slice(1);
  if (secondaries.length === 0) return [];
  const own = secondaries.some((stage) => stage.recompress.size > 0);
  if (!own && (KERNELS[kernel].recompressChains || secondaries.length === 1)) return [textOfWords(recompress)];
  return secondaries.map((stage, n) =>
    textOfWords(new Map([...recompress, ...stage.recompress, ['priority', String(n + 1)]])),
  );
}
