#!/usr/bin/env bash
# bit-buffer 0.3.0: BitView and BitStream take byteOffset and byteLength, which the README has, and do nothing with them: what is
# written to a view of the middle of a memory goes to its start, over what is there. And a value that does not begin with a
# byte comes back without its top bits when it takes more than 32 bits with those in front of it in that byte, as any of 32 bits
# does, floating point numbers too. Neither raises an error. The README has values of up to 32 bits at any offset.
#
# Seen: 0xdeadbeef written to a stream from byte 16 on is in bytes 0 to 3; behind one bit it comes back as 0x5eadbeef, behind
# seven as 0xadbeef, and -1.5 behind one bit as 1.5; in front all are right. The stream of 16 bytes says it has 512 bits.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund bit-buffer@0.3.0

cat > try.cjs << 'JS'
const { BitStream } = require('bit-buffer');

const memory = new Uint8Array(64);
const part = new BitStream(memory.buffer, 16, 16);
part.writeUint32(0xdeadbeef);
function behind(bits, kind, value) {
  const stream = new BitStream(new ArrayBuffer(32));
  stream.index = bits;
  stream[`write${kind}`](value);
  stream.index = bits;
  return stream[`read${kind}`]();
}
const seen = {
  at: memory.indexOf(0xef),
  bitsOfPart: part.length,
  none: behind(0, 'Uint32', 0xdeadbeef).toString(16),
  one: behind(1, 'Uint32', 0xdeadbeef).toString(16),
  seven: behind(7, 'Uint32', 0xdeadbeef).toString(16),
  float: behind(0, 'Float32', -1.5),
  floatBehindOne: behind(1, 'Float32', -1.5),
};
console.log(seen);
process.exitCode = Object.values(seen).join() === '0,512,deadbeef,5eadbeef,adbeef,-1.5,1.5' ? 0 : 1;
JS
node try.cjs || { echo 'bit-buffer behaves in another way now' >&2; exit 1; }
