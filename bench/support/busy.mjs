/** The two states of a machine that figures are taken in: with nothing else to do, and with a busy memory bus. */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** How tables name them. */
export const STATE_NAMES = { quiet: 'a quiet machine', busy: 'while another process streams through memory' };

const STREAMING = fileURLToPath(new URL('../children/streaming.mjs', import.meta.url));

/** Runs a measurement while a second process streams through memory on another core. */
export async function whileBusy(measure) {
  const neighbour = fork(STREAMING);
  try {
    await new Promise((resolve, reject) => {
      neighbour.once('message', resolve);
      neighbour.once('exit', (status) => reject(new Error(`${STREAMING} ended with status ${status}`)));
    });
    return await measure();
  } finally {
    neighbour.removeAllListeners('exit');
    neighbour.kill();
  }
}

/** Why there is no busy state to be had here, or undefined: on one core the neighbour would only take turns. */
export function busyMissing() {
  return availableParallelism() < 2 ? 'this machine has one core' : undefined;
}

/** What a measurement gives in each state that is to be had here, by the state's name. */
export async function inBothStates(measure) {
  const states = { quiet: await measure() };
  if (busyMissing() === undefined) states.busy = await whileBusy(measure);
  return states;
}
