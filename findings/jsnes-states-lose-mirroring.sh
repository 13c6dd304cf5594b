#!/usr/bin/env bash
# jsnes 3.0.0, an emulator of the NES: a state that was kept as JSON text (toJSON() is there for it: "Serialize emulator state
# (for save states)") loads without an error and without the mirroring of the video memory. Its table is put into the state
# as a typed array, of which JSON.stringify() makes an object without a length, and set() copies nothing of that. From
# then on the program reads other bytes. The array in the state is the live one, too, where other typed arrays are copied.
#
# Seen: a program that writes a number to $2000 and reads it at $2400, which mirrors it, still reads it after fromJSON(state),
# and 0 after fromJSON(JSON.parse(JSON.stringify(state))).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund jsnes@3.0.0

cat > try.mjs << 'JS'
import { NES } from 'jsnes';

const set = (page) => [0xa9, page, 0x8d, 0x06, 0x20, 0xa9, 0, 0x8d, 0x06, 0x20]; // PPUADDR = page << 8
const program = [
  ...[0xe6, 0x10], // inc $10
  ...[...set(0x20), 0xa5, 0x10, 0x8d, 0x07, 0x20], // $2000 = $10
  ...[...set(0x24), 0xad, 0x07, 0x20, 0xad, 0x07, 0x20, 0x85, 0x20], // $20 = $2400, after the read that fills the latch
  ...[0xa5, 0x10, 0x85, 0x21], // $21 = $10: both are of one round
  ...[0x4c, 0x00, 0xc0], // jmp $c000
];
const code = Buffer.alloc(16_384);
code.set(program);
for (const vector of [0x3ffa, 0x3ffc, 0x3ffe]) code.writeUInt16LE(0xc000, vector);
const header = Buffer.from([0x4e, 0x45, 0x53, 0x1a, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]); // horizontal mirroring
const rom = Buffer.concat([header, code, Buffer.alloc(8192)]).toString('latin1');

/** What the program wrote last, and what it then read. */
function run(nes) {
  for (let frame = 0; frame < 3; frame++) nes.frame();
  return [nes.cpu.mem[0x21], nes.cpu.mem[0x20]];
}
const nes = new NES({});
nes.loadROM(rom);
run(nes);
const state = nes.toJSON();
const text = JSON.stringify(state);
const live = state.ppu.vramMirrorTable === nes.ppu.vramMirrorTable;
const seen = { before: run(nes) };
nes.fromJSON(state);
seen.object = run(nes);
nes.fromJSON(JSON.parse(text));
seen.text = run(nes);
console.log(seen, { live });
const { before, object, text: loaded } = seen;
const lost = before[0] > 0 && before[1] === before[0] && object.join() === before.join() && loaded.join() === `${before[0]},0`;
process.exitCode = lost && live ? 0 : 1;
JS
node try.mjs || { echo 'jsnes behaves in another way now' >&2; exit 1; }
