/** The errors of calls that must fail, and what holds for each of their sentences. */
import { expect } from '@jest/globals';
import { ZramError } from '../../bindings/index.js';

const MESSAGE_MAX = 320;

/** What a call returns, or the code of the ZramError that it throws. */
export function codeOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    if (error instanceof ZramError) return error.code;
    throw error;
  }
}

/** The ZramError that a call throws. Anything else that happens fails the test. */
export function errorOf(call: () => unknown): ZramError {
  try {
    call();
  } catch (error) {
    return zramErrorOf(error);
  }
  throw new Error('the call should have failed');
}

/** What a call throws or is rejected with; undefined where it succeeds. */
export async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** As `errorOf`, also where the call returns a promise that is rejected. */
export async function rejectionOf(call: () => unknown): Promise<ZramError> {
  try {
    await call();
  } catch (error) {
    return zramErrorOf(error);
  }
  throw new Error('the call should have failed');
}

function zramErrorOf(error: unknown): ZramError {
  if (error instanceof ZramError) return error;
  throw error;
}

/** A code, and a sentence of one line, without JavaScript's own texts for values that were not expected. */
export function expectSentence(error: unknown, code: string): void {
  expect(error).toBeInstanceOf(ZramError);
  expect(error).toMatchObject({ name: 'ZramError', code });
  const { message } = error as ZramError;
  expect(message).toMatch(/^[A-Z0-9]+: ['a-z0-9-][^\n]{15,}[^.]\.$/i);
  expect(message).not.toMatch(/\[object|=>/);
  expect(message.length).toBeLessThan(MESSAGE_MAX);
}
