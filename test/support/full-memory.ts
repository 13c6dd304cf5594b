/** An engine whose memory is taken, but for so many frames. */
import { ZramError, type Engine, type Handle, type ZsPool } from '../../bindings/index.js';
import { Random } from './random.js';

const PAGE_SIZE = 4096;

/** Takes all memory with objects of noise, and gives so many frames back. Returns what holds the rest. */
export function leaveFrames(engine: Engine, frames: number): ZsPool {
  const noise = new Random(8, 'ballast').fill(new Uint8Array(PAGE_SIZE));
  const ballast = engine.createPool();
  const handles: Handle[] = [];
  for (const size of [PAGE_SIZE, 24]) {
    while (hasMemory(() => handles.push(ballast.store(noise.subarray(0, size)))));
  }
  // Huge objects are a frame each.
  for (const handle of handles.slice(0, frames)) ballast.free(handle);
  return ballast;
}

/** False when a call found no memory. Any other error is one. */
export function hasMemory(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (error instanceof ZramError && error.code === 'ENOMEM') return false;
    throw error;
  }
}
