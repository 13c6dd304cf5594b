/** The mailbox of a worker of ParallelZram, both ends of it in this thread: what comes between two looks of the worker. */
import { expect, jest, test } from '@jest/globals';
import { Inbox, Outbox } from '../../bindings/parallel/fleet/mailbox.js';

/** So many looks a worker takes before it goes back to its event loop. */
const LOOKS = 5;

test.each(Array.from({ length: LOOKS }, (_, n) => n))(
  'no parcel is carried out before a message that was sent before it: after %s looks',
  (after) => {
    const outbox = new Outbox();
    const inbox = new Inbox(outbox.buffer);
    const load = Atomics.load.bind(Atomics) as (words: Int32Array, at: number) => number;
    let looks = 0;
    const spy = jest.spyOn(Atomics, 'load').mockImplementation(((words: Int32Array, at: number) => {
      const seen = load(words, at);
      if (looks++ === after) {
        outbox.posting();
        outbox.send(3, 1);
      }
      return seen;
    }) as typeof Atomics.load);
    const carriedOut: number[] = [];
    const work = (): void =>
      inbox.work(
        (slot) => carriedOut.push(slot),
        () => undefined,
        () => false,
      );
    try {
      work();
      expect(carriedOut).toEqual([]);
      expect(looks).toBeGreaterThan(after);
      inbox.took();
      work();
      expect(carriedOut).toEqual([3]);
    } finally {
      spy.mockRestore();
    }
  },
);
