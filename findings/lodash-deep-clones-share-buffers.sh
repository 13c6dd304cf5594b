#!/usr/bin/env bash
# lodash 4.18.1 (and lodash.clonedeep 4.5.0): cloneDeep() of a Buffer is no copy. It is another Buffer over the same memory, so
# that what is written to the state goes into the saved one; and a BigUint64Array in it is the same object. clone(), which is
# said to be the shallow one, copies a Buffer. Typed arrays of numbers are copied by cloneDeep(). Undo lists and fixtures made
# this way change with the state.
#
# Seen: after a write to the original, cloneDeep()'s page has it, clone()'s and structuredClone()'s have not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund lodash@4.18.1 lodash.clonedeep@4.5.0

cat > try.cjs << 'JS'
const _ = require('lodash');
const cloneDeep = require('lodash.clonedeep');

/** What the copy has at 0 after a 1 was written to the original, which had a 0. */
function after(copy, state) {
  const saved = copy(state);
  state.page[0] = state.page[0] === 0n ? 1n : 1;
  return Number(saved.page[0]);
}
const buffer = () => ({ page: Buffer.alloc(4096) });
const seen = {
  deep: after(_.cloneDeep, buffer()),
  package: after(cloneDeep, buffer()),
  shallow: after(({ page }) => ({ page: _.clone(page) }), buffer()),
  bigints: after(_.cloneDeep, { page: new BigUint64Array(512) }),
  words: after(_.cloneDeep, { page: new Uint32Array(1024) }),
  native: after(structuredClone, buffer()),
};
console.log(seen);
process.exitCode = Object.values(seen).join() === '1,1,0,1,0,0' ? 0 : 1;
JS
node try.cjs || { echo 'lodash behaves in another way now' >&2; exit 1; }
