#!/usr/bin/env bash
# elfinfo 0.4.0-beta: of a core file with 65,535 segments or more open() lists 65,535, without an error. The header has 16 bits for
# their number; from there on it holds 0xffff (PN_XNUM), and the number stands in the first section header, as elf(5) says and
# Linux, gdb and QEMU write it for processes with as many mappings. The memory of the rest looks as if it were not in the dump.
#
# Seen: of 70,000 segments of a page each it has 65,535, and none for the last 4465 pages; readelf shows 70,000. Of 65,534 it has
# all.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund elfinfo@0.4.0-beta

cat > try.cjs << 'JS'
const { open } = require('elfinfo');

const [ELF_HEADER, PROGRAM_HEADER, SECTION_HEADER, PAGE] = [64, 56, 64, 4096];
/** A core file (x86-64) with one segment per page and none of their bytes. */
function core(count) {
  const segments = ELF_HEADER + SECTION_HEADER;
  const file = Buffer.alloc(segments + count * PROGRAM_HEADER);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64 bits, little-endian
  for (const [at, value] of [[16, 4], [18, 62], [52, ELF_HEADER], [54, PROGRAM_HEADER], [58, SECTION_HEADER], [60, 1]]) {
    file.writeUInt16LE(value, at);
  }
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(segments), 32);
  file.writeBigUInt64LE(BigInt(ELF_HEADER), 40);
  file.writeUInt16LE(Math.min(count, 0xffff), 56);
  if (count >= 0xffff) file.writeUInt32LE(count, ELF_HEADER + 44); // sh_info
  for (let n = 0; n < count; n++) {
    const at = segments + n * PROGRAM_HEADER;
    file.writeUInt32LE(1, at); // PT_LOAD
    file.writeUInt32LE(4, at + 4);
    file.writeBigUInt64LE(BigInt(n * PAGE), at + 16);
    file.writeBigUInt64LE(BigInt(PAGE), at + 40);
  }
  return file;
}
async function listed(count) {
  const { success, elf } = await open(core(count));
  const { segments } = elf;
  return [success, segments.length, Number(segments.at(-1).vaddr) / PAGE].join();
}
(async () => {
  const seen = { few: await listed(65_534), many: await listed(70_000) };
  console.log(seen);
  process.exitCode = Object.values(seen).join(' ') === 'true,65534,65533 true,65535,65534' ? 0 : 1;
})();
JS
node try.cjs || { echo 'elfinfo behaves in another way now' >&2; exit 1; }
