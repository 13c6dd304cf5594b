#!/usr/bin/env bash
# partitioninfo 6.0.3, and balena-image-fs, which asks it: get(image, N) counts the partitions that are there, without an
# error. Once a partition was deleted, or was left out as the image was made, N is another one than Linux's, and what is
# written to partition 2 goes to partition 3. The README says "Partition numbers for get(image, N) are like Linux's /dev/sdaN";
# of partitions without a gap between them they are.
#
# Seen: with the partitions 1 and 3, get(image, 2) is the third, which sfdisk and Linux have as 3, and 3 is "not found", both
# in a GPT and in an MBR.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
PATH=$PATH:/usr/sbin:/sbin
command -v sfdisk > /dev/null || { apt-get update -qq && apt-get install -qq fdisk > /dev/null; }
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund partitioninfo@6.0.3

for label in gpt dos; do
  truncate -s 16M $label
  printf '%s\n' "label: $label" '1: start=2048, size=2048' '3: start=8192, size=2048' | sfdisk --quiet $label
  sfdisk --dump $label | grep start=
done

cat > try.mjs << 'JS'
import { get } from 'partitioninfo';

const sector = (image, number) =>
  get(image, number).then(
    ({ offset }) => offset / 512,
    () => 'none',
  );
const seen = {};
for (const image of ['gpt', 'dos']) {
  seen[image] = [await sector(image, 1), await sector(image, 2), await sector(image, 3)].join();
}
console.log(seen);
process.exitCode = Object.values(seen).join(' ') === '2048,8192,none 2048,8192,none' ? 0 : 1;
JS
node try.mjs || { echo 'partitioninfo behaves in another way now' >&2; exit 1; }
