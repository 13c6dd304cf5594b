/** Parses texts written to attributes into options. */
import { readOptions } from '../../base/arguments.js';
import { ZramError } from '../../base/errors.js';
import type { KernelProfile } from '../../base/kernel.js';
import { describe } from '../../base/messages.js';
import type { RecompressOptions } from '../post-process/recompress.js';
import type { WritebackAsyncOptions } from '../post-process/writeback.js';

/** The argument of `idle`, from the text of an attribute or from options. */
export function idleOf(what: unknown): unknown {
  if (typeof what === 'object' && what !== null) {
    const { age = 'all' } = readOptions<{ age?: unknown }>(what, ['age'], 'idle');
    return age;
  }
  if (typeof what !== 'string') return what;
  const text = what.replace(/\n$/, '');
  return /^\+?[0-9]+$/.test(text) ? Number(text) : text;
}

/** The options of `recompress`, from the text of an attribute if need be. */
export function recompressOf(options: RecompressOptions | string): RecompressOptions {
  if (typeof options !== 'string') return options;
  const words = wordsOf(options, 'recompress');
  const number = (name: string): number | undefined =>
    words[name] === undefined ? undefined : parseUnsigned(words[name], `recompress: ${name}`);
  return {
    type: words.type as RecompressOptions['type'],
    threshold: number('threshold'),
    maxPages: number('max_pages'),
    algo: words.algo,
    priority: number('priority'),
  };
}

/** The options of `writeback`, from the text of an attribute if need be, which depends on the kernel. */
export function writebackOf(
  options: WritebackAsyncOptions | string | undefined,
  kernel: KernelProfile,
): WritebackAsyncOptions {
  if (typeof options !== 'string') return options ?? {};
  const words = options.split(/\s+/).filter((word) => word !== '');
  checkWritebackWords(words, kernel);
  const pageIndexes: (number | [number, number])[] = [];
  let type: string | undefined;
  for (const word of words) {
    if (words.length === 1 && !word.includes('=')) {
      type = word;
      break;
    }
    const [key, value] = keyAndValue(word, 'writeback');
    if (key === 'type') type = value;
    else if (key === 'page_index') pageIndexes.push(parseUnsigned(value, 'writeback: page_index'));
    else if (key === 'page_indexes') pageIndexes.push(parseRange(value));
    else throw new ZramError('EINVAL', `writeback has no key ${describe(key)}: use type, page_index or page_indexes.`);
  }
  return {
    type: type as WritebackAsyncOptions['type'],
    pageIndexes: pageIndexes.length > 0 || type === undefined ? pageIndexes : undefined,
  };
}

/** What older kernels do not know. */
function checkWritebackWords(words: readonly string[], kernel: KernelProfile): void {
  const one = words.length === 1 && !/^(type|page_indexes)=/.test(words[0]);
  if (!kernel.writebackRanges && !one) {
    const text = words.join(' ');
    throw new ZramError(
      'EINVAL',
      `writeback on kernel ${kernel.version} takes one type or one page_index=N, not ${describe(text)}.`,
    );
  }
  if (!kernel.writebackIncompressible && words.includes('incompressible')) {
    throw new ZramError('EINVAL', `writeback on kernel ${kernel.version} has no type incompressible.`);
  }
}

function parseRange(value: string): [number, number] {
  const [low = '', high = ''] = value.split('-', 2);
  return [parseUnsigned(low, 'writeback: page_indexes'), parseUnsigned(high, 'writeback: page_indexes')];
}

/** The words KEY=VALUE of a text. Unknown keys are ignored, as in the kernel. */
export function wordsOf(text: string, attribute: string): Record<string, string | undefined> {
  const words: Record<string, string | undefined> = Object.create(null) as Record<string, string | undefined>;
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const [key, value] = keyAndValue(word, attribute);
    words[key] = value;
  }
  return words;
}

function keyAndValue(word: string, attribute: string): [key: string, value: string] {
  const [, key = '', value = ''] = /^([^=]*)=?(.*)$/.exec(word) ?? [];
  if (key === '') throw new ZramError('EINVAL', `${attribute}: ${describe(word)} must have a key, as KEY=VALUE.`);
  if (value === '') throw new ZramError('EINVAL', `${attribute}: ${describe(key)} must have a value, as KEY=VALUE.`);
  return [key, value];
}

export function parseInt10(value: string, attribute: string, key: string): number {
  if (!/^[+-]?[0-9]+$/.test(value)) {
    throw new ZramError('EINVAL', `${attribute}: ${key} must be a whole number, not ${describe(value)}.`);
  }
  const number = Number(value);
  if (number >= -(2 ** 31) && number < 2 ** 31) return number;
  throw new ZramError('ERANGE', `${attribute}: ${key} must fit in 32 bits, not be ${describe(value)}.`);
}

/** As the kernel's `kstrtobool`, which looks at the beginning only. */
export function parseBoolean(text: string, what: string): boolean {
  if (/^([yYtT1]|[oO][nN])/.test(text)) return true;
  if (/^([nNfF0]|[oO][fF])/.test(text)) return false;
  throw new ZramError('EINVAL', `${what} must be 0 or 1, not ${describe(text)}.`);
}

/** @param bits of the type that it must fit; else it is EINVAL */
export function parseUnsigned(text: string, what: string, bits = 53): number {
  const value = text.replace(/\n$/, '');
  if (/^\+?[0-9]+$/.test(value) && Number(value) < 2 ** bits) return Number(value);
  throw new ZramError('EINVAL', `${what} must be a whole number of 0 or more, not ${describe(text)}.`);
}
