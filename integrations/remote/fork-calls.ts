/** What the calls of a fork share: results, errors and signals. */
import type { AsyncOptions } from '../../bindings/index.js';
import { ZramError } from '../../bindings/base/errors.js';
import { checkOptions } from '../base/options.js';

export function outFor(out: Uint8Array | undefined, length: number): Uint8Array {
  if (out === undefined) return new Uint8Array(length);
  if (out instanceof Uint8Array && out.length >= length) return out;
  throw new ZramError('EINVAL', `out must be a Uint8Array of ${length} bytes or more.`);
}

export function withPagesDone(failure: ZramError, pagesDone: number): ZramError {
  const message = failure.message.slice(failure.code.length + 2); // the code is put before it again
  return new ZramError(failure.code, message, pagesDone, { cause: failure.cause });
}

export function canceled(cause: unknown): ZramError {
  return new ZramError('ECANCELED', 'the call was aborted by its signal.', undefined, { cause });
}

/** @throws ZramError EINVAL: wrong options */
export function signalOf(options: AsyncOptions | undefined): AsyncOptions['signal'] {
  checkOptions(options);
  const signal = options?.signal;
  if (signal === undefined || typeof signal?.addEventListener === 'function') return signal;
  throw new ZramError('EINVAL', 'signal must be an AbortSignal.');
}

/** Ends with the signal, too. */
export async function untilAborted<T>(promise: Promise<T>, signal: NonNullable<AsyncOptions['signal']>): Promise<T> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(canceled(signal.reason));
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
