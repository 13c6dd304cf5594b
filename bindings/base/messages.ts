/** Values and errors as text for messages. */
import { ZramError } from './errors.js';

/** A value as it appears in a sentence. Never throws, whatever the value is. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${printable(value.length > 40 ? `${value.slice(0, 40)}…` : value)}'`;
  if (typeof value === 'object' && value !== null) return classOf(value) || 'an object';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `the BigInt ${value}`;
  return String(value);
}

function classOf(value: object): string | undefined {
  try {
    const name: unknown = value.constructor?.name;
    return typeof name === 'string' ? printable(name) : undefined;
  } catch {
    return undefined;
  }
}

/** What foreign code threw, as text. Never throws, whatever the value is. */
export function textOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'an error without a text';
  }
}

/** Text with control characters escaped, which a terminal would otherwise obey. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}

/** The message of an error without its code. */
export function sentenceOf(error: ZramError): string {
  return error.message.slice(error.code.length + 2);
}

/** The same error with `pagesBefore` added to its `pagesDone`. */
export function withPagesDone(error: ZramError, pagesBefore: number): ZramError;
export function withPagesDone(error: unknown, pagesBefore: number): unknown;
export function withPagesDone(error: unknown, pagesBefore: number): unknown {
  if (!(error instanceof ZramError)) return error;
  const { cause } = error;
  const options = cause === undefined ? undefined : { cause };
  return new ZramError(error.code, sentenceOf(error), pagesBefore + (error.pagesDone ?? 0), options);
}

/** For constructors that only the library calls. @param call what to call instead */
export function notWithNew(call: string): ZramError {
  return new ZramError('EINVAL', `this class cannot be constructed with new: call ${call}.`);
}
