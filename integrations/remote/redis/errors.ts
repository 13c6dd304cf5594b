/** What the errors of servers and clients mean for a batch. */
import { ZramError } from '../../../bindings/base/errors.js';

/**
 * The first words of replies that pass by themselves: a cluster that moves slots or has lost a master, a server that is
 * loading, is not the master any more, or runs a script.
 */
const PASSING = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|LOADING|MASTERDOWN|READONLY|BUSY|UNBLOCKED)\b/;
/** Any other reply of a server; what clients say of connections begins otherwise. */
const REPLY = /^-?[A-Z]{2,}\b/;
/** A client that was ended stays so. */
const ENDED = /client is closed|Cluster is ended/i;

/** What is not tried again within the call. */
export class Refusal extends Error {}

/** Whether the same may succeed soon. Everything here may be sent twice: values are under the hash of their content. */
export function isPassing(error: Error): boolean {
  if (error instanceof Refusal || ENDED.test(error.message)) return false;
  return PASSING.test(error.message) || !REPLY.test(error.message);
}

const isFull = (error: Error): boolean => /^-?OOM\b/.test(error.message);

export function asZramError(error: Error, what: string): ZramError {
  if (error instanceof ZramError) return error;
  const options = { cause: error };
  if (isFull(error)) return new ZramError('ENOSPC', `${what} is full (maxmemory).`, undefined, options);
  return new ZramError('EIO', `${what}: ${error.message || error.name}`, undefined, options);
}
