/** The save at the end, after which everything is gone: it is tried for a minute, in which a full disk can be cleared. */
import { setTimeout as delay } from 'node:timers/promises';

import { CliError, messageOf } from '../errors.js';

/** Milliseconds between attempts, a minute together. */
const PAUSES = [1000, 2000, 4000, 8000, 16_000, 29_000];

/**
 * @param tell takes a sentence without its full stop
 * @throws CliError no attempt has succeeded
 */
export async function saveAtLast<T>(
  save: () => Promise<T>,
  tell: (text: string) => void,
  pauses: readonly number[] = PAUSES,
): Promise<T> {
  for (const pause of pauses) {
    try {
      return await save();
    } catch (error) {
      tell(`${reasonIn(error)}; it is tried again for a minute, and another signal ends this without saving`);
      await delay(pause);
    }
  }
  try {
    return await save();
  } catch (error) {
    throw new CliError(`${reasonIn(error)}; what was written since the last save is lost`);
  }
}

const reasonIn = (error: unknown): string => messageOf(error).replace(/\.$/, '');
