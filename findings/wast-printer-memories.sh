#!/usr/bin/env bash
# @webassemblyjs/wast-printer 1.14.1 (with wasm-parser of the same version): the text of a decoded module is that of another
# one. A memory of 200 pages is printed as "(memory 0 200)", with its index in front, which means no pages and at most 200. The
# floating point constants inf, nan and -0 are printed as 1, as a whole number and as 0. All of it is valid text, and what is
# assembled from it runs with other values, without an error. Other numbers, data and tables are right.
#
# Seen: by wabt, a memory of 200 pages comes back with 0; -inf as -1, nan as 2,251,799,813,685,248, -0 as 0; 1.5 as 1.5.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @webassemblyjs/wast-printer@1.14.1 @webassemblyjs/wasm-parser@1.14.1 wabt@1.0.39

cat > try.cjs << 'JS'
const { decode } = require('@webassemblyjs/wasm-parser');
const { print } = require('@webassemblyjs/wast-printer');

require('wabt')().then(({ parseWat }) => {
  const assemble = (text) => parseWat('text', text, {}).toBinary({}).buffer;
  const run = (bytes) => new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  const again = (text) => run(assemble(print(decode(assemble(text), {}))));
  const constant = (text) => `(module (func (export "f") (result f64) f64.const ${text}))`;

  const memory = '(module (memory (export "m") 200))';
  const pages = ({ m }) => m.buffer.byteLength / 65_536;
  const seen = { memory: [pages(run(assemble(memory))), pages(again(memory))] };
  for (const text of ['-inf', 'nan', '-0', '1.5'])
    seen[text] = [run(assemble(constant(text))).f(), again(constant(text)).f()];
  console.log(seen);
  const right = { memory: [200, 0], '-inf': [-Infinity, -1], nan: [NaN, 2 ** 51], '-0': [-0, 0], 1.5: [1.5, 1.5] };
  const same = Object.keys(right).every((name) => right[name].every((value, at) => Object.is(value, seen[name][at])));
  process.exitCode = same ? 0 : 1;
});
JS
node try.cjs || { echo '@webassemblyjs/wast-printer behaves in another way now' >&2; exit 1; }
