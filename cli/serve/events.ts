/** Waits for one event, or for the error that comes instead. */
import type { EventEmitter } from 'node:events';

/** @returns undefined: `event` came */
export function errorOf(emitter: EventEmitter, event: string): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const onEvent = () => {
      emitter.off('error', onError);
      resolve(undefined);
    };
    const onError = (error: Error) => {
      emitter.off(event, onEvent);
      resolve(error);
    };
    emitter.once(event, onEvent);
    emitter.once('error', onError);
  });
}
