#!/usr/bin/env bash
# @automerge/automerge 3.5.0 and yjs 13.6.33: writes into a Uint8Array of a document get lost, each in another way. In an
# Automerge change() they do nothing at all, while the same line on a list works; outside of it they change what the
# program reads, but no saved or merged document. Yjs keeps the caller's array in the map: later writes are read by this
# replica only, and the others never get them. The replicas differ, and nothing says so.
#
# Seen: change(doc, (it) => { it.page[0] = 9 }) leaves 1,2,3 and adds nothing to the history; outside, the document reads
# 9,2,3 and the loaded one 1,2,3. Of two synchronized Yjs documents one reads 9,2,3 and the other 1,2,3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @automerge/automerge@3.5.0 yjs@13.6.33

cat > try.mjs << 'JS'
import * as Automerge from '@automerge/automerge';
import * as Y from 'yjs';

const bytes = () => Uint8Array.of(1, 2, 3);

const document = Automerge.from({ page: bytes(), list: [1, 2, 3] });
const entries = () => Automerge.getHistory(document).length;
const before = entries();
const changed = Automerge.change(document, (it) => {
  it.page[0] = 9;
});
const automerge = { changed: changed.page.join(), added: entries() - before };
changed.page[0] = 9;
automerge.read = changed.page.join();
automerge.loaded = Automerge.load(Automerge.save(changed)).page.join();
automerge.list = Automerge.change(changed, (it) => {
  it.list[0] = 9;
}).list.join();

const [one, two] = [new Y.Doc(), new Y.Doc()];
const synchronize = () => Y.applyUpdate(two, Y.encodeStateAsUpdate(one, Y.encodeStateVector(two)));
const page = bytes();
one.getMap('memory').set('page', page);
synchronize();
page[0] = 9;
synchronize();
const yjs = [one, two].map((doc) => doc.getMap('memory').get('page').join());

console.log(automerge, yjs);
const expected = { changed: '1,2,3', added: 0, read: '9,2,3', loaded: '1,2,3', list: '9,2,3' };
const same = JSON.stringify([automerge, yjs]) === JSON.stringify([expected, ['9,2,3', '1,2,3']]);
process.exitCode = same ? 0 : 1;
JS
node try.mjs || { echo 'Automerge or Yjs behaves in another way now' >&2; exit 1; }
