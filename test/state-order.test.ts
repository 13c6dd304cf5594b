/** The order of states: against a plain list, and with many of them. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { State, StateOrder } from '../bindings/history/state-order.js';
import { measure } from './growth/measure.js';
import { victimOf } from './support/model-history.js';

const FEW = 1_000;
const FACTOR = 64;
const PUSHES = 64_000;
/** What the time for a push may grow by with 64 times as many states: what looks at all of them grows by 64. */
const GROWTH_MAX = 16;

const stateOf = (id: number): State => new State(id, 0, 0, 0, [0]);

test.each(['oldest', 'thin'] as const)('chooses as the model does: %s', (policy) => {
  const steps = fc.array(fc.tuple(fc.constantFrom('push', 'push', 'push', 'delete', 'evict'), fc.nat(1000)), {
    maxLength: 150,
    size: 'max',
  });
  const property = fc.property(steps, (sequence) => {
    const order = new StateOrder(policy);
    let ids: number[] = [];
    let last = 0;
    for (const [kind, n] of sequence) {
      const gone = kind === 'delete' ? ids[n % Math.max(ids.length, 1)] : undefined;
      if (kind === 'push') {
        order.add(stateOf((last += 1 + (n % 3))));
        ids.push(last);
      } else if (gone !== undefined) {
        order.remove(order.find(gone)!);
        ids = ids.filter((id) => id !== gone);
      } else if (kind === 'evict' && ids.length > 1 && ids.at(-1) === last) {
        const victim = order.victim();
        expect(victim.id).toBe(victimOf(ids, policy));
        order.remove(victim);
        ids = ids.filter((id) => id !== victim.id);
      }
      expect(order.ids()).toEqual(ids);
      expect([order.size, order.newest?.id]).toEqual([ids.length, ids.at(-1)]);
      expect(order.find(ids[0])?.id).toBe(ids[0]);
    }
  });
  fc.assert(property, { numRuns: 60 });
});

test.each([
  ['oldest', false],
  ['thin', false],
  ['thin', true],
] as const)(
  'the time for a push does not grow with the states: %s, the newest goes: %s',
  async (policy, newestGoes) => {
    const make = (count: number) => {
      const order = new StateOrder(policy);
      let id = 0;
      while (id < count) order.add(stateOf(++id));
      return () => {
        for (let n = 0; n < PUSHES; n++) {
          order.add(stateOf(++id));
          order.remove(newestGoes ? order.newest! : order.victim());
        }
      };
    };
    const { ratio } = await measure({ size: FEW, factor: FACTOR, limit: GROWTH_MAX, make });
    expect(ratio).toBeLessThan(GROWTH_MAX);
  },
);
