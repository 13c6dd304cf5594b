/** The page's copy of the states of all pages. */
import { MERGED, type PageStates } from '../engine/protocol.js';

export class Pages {
  total = 0;
  states = new Uint8Array(0);
  sizes = new Uint16Array(0);
  objects = new Uint32Array(0);

  update({ first, total, states, sizes, objects }: PageStates): void {
    this.#resize(total);
    this.states.set(states, first);
    this.sizes.set(sizes, first);
    this.objects.set(objects, first);
  }

  /** How many pages share the page's object, itself included. */
  sharers(page: number): number {
    if ((this.states[page]! & MERGED) === 0) return 1;
    const { objects, total } = this;
    const object = objects[page];
    let count = 0;
    for (let n = 0; n < total; n++) if (objects[n] === object) count++;
    return count;
  }

  #resize(total: number): void {
    if (total > this.states.length) {
      const length = Math.max(total, this.states.length * 2);
      const { states, sizes, objects } = this;
      (this.states = new Uint8Array(length)).set(states);
      (this.sizes = new Uint16Array(length)).set(sizes);
      (this.objects = new Uint32Array(length)).set(objects);
    }
    if (total < this.total)
      for (const array of [this.states, this.sizes, this.objects]) array.fill(0, total, this.total);
    this.total = total;
  }
}
