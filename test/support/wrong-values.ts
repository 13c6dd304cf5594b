/**
 * Parameters of public calls, each by kind: a value that a call takes, and the values that it must refuse.
 *
 * A wrong value is EINVAL unless it stands in `coded`, which names another code.
 */
import type { ZramErrorCode } from '../../bindings/index.js';

export interface Parameter {
  readonly good: unknown;
  readonly wrong: readonly unknown[];
  readonly coded?: readonly (readonly [value: unknown, code: ZramErrorCode])[];
}

const NO_NUMBERS = [null, '1', '', true, {}, [1], 1n, Symbol('1'), () => 1];
const NO_INTEGERS = [...NO_NUMBERS, NaN, -Infinity, 0.5];

/** A whole number from `min` to `max`. @param codeAbove of what is too large */
export function integer(good: number, min: number, max: number, codeAbove: ZramErrorCode = 'EINVAL'): Parameter {
  const above = [max + 1, 2 ** 32, 2 ** 53, Infinity].filter((value) => value > max);
  return {
    good,
    wrong: [undefined, ...NO_INTEGERS, min - 1, -(2 ** 53)],
    coded: above.map((value) => [value, codeAbove] as const),
  };
}

/** A number, not necessarily whole, that is above `min`, or not below it. */
export function real(good: number, wrong: readonly number[]): Parameter {
  return { good, wrong: [undefined, ...NO_NUMBERS, NaN, ...wrong] };
}

export const boolean: Parameter = { good: true, wrong: [undefined, null, 0, 1, 'true', '', {}, [], 1n] };

/** Bytes as a number or as the kernel reads them. */
export function size(good: number | string): Parameter {
  const texts = ['x', '-1', '+1', '1M ', ' 1M', '1.5M', '1KB', '0x', '1M\n', 'K'];
  const values = [undefined, ...NO_INTEGERS, Infinity, -1, ...texts];
  return { good, wrong: values.filter((value) => value !== '1') };
}

/** One of a few words. */
export function word(good: string): Parameter {
  return { good, wrong: [undefined, null, '', 'nope', `${good} `, good.toUpperCase(), 1, true, {}, [good]] };
}

/** Any text. */
export function text(good: string): Parameter {
  return { good, wrong: [undefined, null, 1, true, {}, [good], 1n, Symbol(good), Buffer.from(good)] };
}

const noBytes = (length: number): unknown[] => [
  ...[null, 'page', 4096, true, {}, 1n, Array(length).fill(0)],
  ...[new ArrayBuffer(length), new DataView(new ArrayBuffer(length))],
  ...[Uint8ClampedArray, Int8Array, Uint16Array, Float64Array].map((Type) => new Type(length)),
  { length, buffer: new ArrayBuffer(length), [Symbol.toStringTag]: 'Uint8Array' },
];

/** A Uint8Array; `lengths` are wrong ones. */
export function bytes(good: Uint8Array, lengths: readonly number[] = []): Parameter {
  return { good, wrong: [undefined, ...noBytes(good.length), ...lengths.map((length) => new Uint8Array(length))] };
}

/** An array to read into, which may be left out. */
export function out(length: number): Parameter {
  const lengths = [0, length - 1].map((short) => new Uint8Array(short));
  return { good: new Uint8Array(length + 1), wrong: [...noBytes(length), ...lengths] };
}

/** A parameter that may be left out. */
export function optional({ wrong, ...rest }: Parameter): Parameter {
  return { ...rest, wrong: wrong.filter((value) => value !== undefined) };
}

/** An object of these options, which may be left out, and each of them as well. */
export function options(known: Readonly<Record<string, Parameter>>): Parameter {
  const all = Object.entries(known).map(([name, parameter]) => [name, optional(parameter)] as const);
  return {
    good: Object.fromEntries(all.map(([name, { good }]) => [name, good])),
    wrong: [
      ...[null, 'all', 1, true, () => ({}), [1], { noSuchOption: 1 }],
      ...all.flatMap(([name, { wrong }]) => wrong.map((value) => ({ [name]: value }))),
    ],
    coded: all.flatMap(([name, { coded = [] }]) => coded.map(([value, code]) => [{ [name]: value }, code] as const)),
  };
}

/** As a title of a test: what it is, in few characters. */
export function show(value: unknown): string {
  if (typeof value === 'symbol' || typeof value === 'function') return String(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' || value === undefined) return String(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${value.byteLength})`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (value instanceof ArrayBuffer) return `ArrayBuffer(${value.byteLength})`;
  if (Array.isArray(value)) return `[${value.slice(0, 3).map(show).join(', ')}]`;
  const own = Object.entries(value).map(([name, part]) => `${name}: ${show(part)}`);
  const kind = value.constructor === Object ? '' : `${value.constructor.name} `;
  return `${kind}{ ${own.join(', ')} }`.slice(0, 90);
}
