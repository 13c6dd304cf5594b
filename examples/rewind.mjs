// Rewind of a machine whose whole memory is saved at every frame, as an emulator's is.
//
// A frame's state is a short log, which grows, and 512 KiB of memory. `segments` says where the memory begins, so that it is
// compared page by page with that of other frames although the log in front of it moves it. Two histories: one keeps every
// frame, the other takes 512 KiB and no more, and grows sparser with age.
//
//   node examples/rewind.mjs
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Engine } from 'zram-wasm';

const SIZE = 512 * 1024;
const FRAMES = 600;

/** A cellular automaton on a few rows of the memory; the rest is a picture that never changes. */
class Machine {
  memory = new Uint8Array(SIZE);
  log = '';
  frame = 0;

  constructor() {
    for (let at = 0; at < SIZE; at++) this.memory[at] = (at * at) >>> 11;
    this.memory.fill(0, 0, 4096);
    this.memory[2048] = 1;
  }

  run() {
    const [from, to] = [(this.frame % 16) * 256, ((this.frame + 1) % 16) * 256];
    for (let n = 0; n < 256; n++) {
      this.memory[to + n] = this.memory[from + ((n + 255) & 255)] ^ this.memory[from + ((n + 1) & 255)];
    }
    this.log += `${this.frame++} `;
  }

  save() {
    const log = Buffer.from(this.log);
    return { bytes: Buffer.concat([log, this.memory]), segments: [log.length] };
  }

  load(bytes) {
    this.memory.set(bytes.subarray(bytes.length - SIZE));
    this.log = Buffer.from(bytes.subarray(0, bytes.length - SIZE)).toString();
    this.frame = this.log.split(' ').length - 1;
  }
}

const engine = Engine.createSync();
const all = engine.createStateHistory();
const sparse = engine.createStateHistory({ maxBytes: '512K', policy: 'thin' });
const machine = new Machine();
const digests = new Map(); // what each state was, to verify the states that are restored
const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');

for (let n = 0; n < FRAMES; n++) {
  machine.run();
  const { bytes, segments } = machine.save();
  const id = all.push(bytes, { segments });
  assert.equal(sparse.push(bytes, { segments }), id);
  digests.set(id, digest(bytes));
}

const { states, rawBytes, heldBytes } = all.stats();
console.log(`${states} frames of ${(rawBytes / 1e6).toFixed(0)} MB are held in ${heldBytes} bytes`);
for (const history of [all, sparse]) {
  for (const id of history.ids()) assert.equal(digest(history.get(id)), digests.get(id));
}
const ages = sparse.ids().map((id) => FRAMES - id);
console.log(`${sparse.stats().heldBytes} bytes hold ${ages.length} frames, so many frames back: ${ages.join(' ')}`);

// Back to frame 100, and on from there: the same happens again.
machine.load(all.get(100));
for (const id of all.ids()) if (id > 100) all.delete(id);
while (machine.frame < 200) machine.run();
assert.equal(digest(machine.save().bytes), digests.get(200));
console.log('rewound to frame 100; played on, frame 200 is what it was');
engine.destroy();
