/**
 * A command as bytes: an array of bulk strings of RESP, the protocol of Redis and Valkey
 * (https://redis.io/docs/latest/develop/reference/protocol-spec).
 */
import type { Argument, Command } from './link.js';

const CR = 13;
const LF = 10;
const ARRAY = 42; // *
const BULK = 36; // $
const ZERO = 48;
/** Of a type, a number and an end of line; and the end of line behind the bytes. */
const HEADER_BYTES_MAX = 16;
/** Shorter arguments, such as keys, are copied faster byte by byte. */
const SHORT_BYTES = 32;

/** Bytes that the command may take. */
export function respSize(command: Command): number {
  let size = HEADER_BYTES_MAX;
  for (const argument of command) size += HEADER_BYTES_MAX + (argument as Buffer).length * bytesOfUnit(argument);
  return size;
}

/** Of a character, UTF-8 has at most three. */
const bytesOfUnit = (argument: Argument): number => (typeof argument === 'string' ? 3 : 1);

/** Writes the command from the beginning. @returns its bytes */
export function writeResp(command: Command, to: Buffer): number {
  let at = writeHeader(ARRAY, command.length, to, 0);
  for (const argument of command) {
    const length = typeof argument === 'string' ? globalThis.Buffer.byteLength(argument) : argument.length;
    at = writeHeader(BULK, length, to, at);
    if (typeof argument === 'string') to.write(argument, at);
    else if (length > SHORT_BYTES) to.set(argument, at);
    else for (let i = 0; i < length; i++) to[at + i] = argument[i];
    at = writeEnd(to, at + length);
  }
  return at;
}

function writeHeader(type: number, number: number, to: Buffer, at: number): number {
  to[at++] = type;
  let place = 1;
  while (place * 10 <= number) place *= 10;
  for (; place >= 1; place /= 10) to[at++] = ZERO + (Math.floor(number / place) % 10);
  return writeEnd(to, at);
}

function writeEnd(to: Buffer, at: number): number {
  to[at] = CR;
  to[at + 1] = LF;
  return at + 2;
}
