#!/usr/bin/env bash
# elfy 1.0.0 and @bugsplat/elfy 1.0.1, readers of ELF: for .bss, a program's zeroed memory, they do not give zeros or nothing,
# but as many bytes of whatever comes next in the file. A section of type NOBITS has no bytes in the file (elf(5)). And elfy
# reads the alignment and the size of an entry of each section of a 64-bit file two bytes too early, and so has 65,536 times of
# each.
#
# Seen: a .bss of 4096 bytes, in front of a section of 5000 letters, comes out of both as 4096 letters; entries of 24 bytes are
# 1,572,864, and an alignment of 8 is 524,288. readelf shows 24 and 8.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund elfy@1.0.0 @bugsplat/elfy@1.0.1

cat > try.cjs << 'JS'
const { writeFileSync } = require('node:fs');
const { ElfFile } = require('@bugsplat/elfy');
const elfy = require('elfy');

const [PROGBITS, SYMTAB, STRTAB, NOBITS] = [1, 2, 3, 8];
const names = '\0.bss\0.text\0.symtab\0.names\0';
const content = Buffer.from('t'.repeat(5000) + names);
const sections = [
  // name, type, offset, size, alignment, size of an entry
  ['\0', 0, 0, 0, 0, 0],
  ['.bss', NOBITS, 64, 4096, 32, 0],
  ['.text', PROGBITS, 64, 5000, 1, 0],
  ['.symtab', SYMTAB, 5064, 0, 8, 24],
  ['.names', STRTAB, 5064, names.length, 1, 0],
];
const table = Buffer.alloc(sections.length * 64);
for (const [n, [name, type, offset, size, alignment, entry]] of sections.entries()) {
  table.writeUInt32LE(names.indexOf(name), n * 64);
  table.writeUInt32LE(type, n * 64 + 4);
  for (const [at, value] of [
    [24, offset],
    [32, size],
    [48, alignment],
    [56, entry],
  ]) {
    table.writeBigUInt64LE(BigInt(value), n * 64 + at);
  }
}
const header = Buffer.alloc(64);
header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // 64 bits, little-endian
for (const [at, value] of [
  [16, 1],
  [18, 62],
  [20, 1],
  [52, 64],
  [58, 64],
  [60, sections.length],
  [62, 4],
]) {
  header.writeUInt16LE(value, at);
}
header.writeBigUInt64LE(BigInt(64 + content.length), 40);
const file = Buffer.concat([header, content, table]);
writeFileSync('program', file);

const letters = (bytes) => `${bytes.length} ${[...new Set(bytes.toString())].join('')}`;
(async () => {
  const elf = await ElfFile.create('program');
  const parsed = elfy.parse(file).body.sections;
  const symbols = parsed.find(({ name }) => name === '.symtab');
  const seen = {
    elfy: letters(parsed.find(({ name }) => name === '.bss').data),
    bugsplat: letters(await elf.readSection('.bss')),
    text: letters(await elf.readSection('.text')),
    entry: symbols.entsize,
    alignment: symbols.addralign,
  };
  elf.dispose();
  console.log(seen);
  process.exitCode = Object.values(seen).join() === '4096 t,4096 t,5000 t,1572864,524288' ? 0 : 1;
})();
JS
node try.cjs || { echo 'elfy or @bugsplat/elfy behaves in another way now' >&2; exit 1; }
