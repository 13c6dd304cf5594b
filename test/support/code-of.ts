import { ZramError } from '../../bindings/index.js';

/** What a call returns, or the code of the ZramError that it throws. */
export function codeOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    if (error instanceof ZramError) return error.code;
    throw error;
  }
}
