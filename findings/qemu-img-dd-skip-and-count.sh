#!/usr/bin/env bash
# qemu-img 7.2.22, dd: with both skip and count the output lacks as many blocks at its end as were skipped, without an error,
# and is empty when there are no more to copy than to skip. It takes the skipped blocks off those that count asks for, not off
# the input. The manual has count as the number of blocks to copy, and skip as that of input blocks to skip, as dd has them. A
# page or a partition that is cut out of an image so is a short one, or none. Either of the two alone is right.
#
# Seen: of 16 blocks with skip=2 count=5 3 are written, with skip=5 count=5 none; dd writes 5.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
command -v qemu-img > /dev/null || { apt-get update -qq && apt-get install -qq qemu-utils > /dev/null; }

for n in {0..15}; do head -c 4096 /dev/zero | tr '\0' "$(printf '\\%o' $((65 + n)))"; done > disk
# The first letter of each block that is written.
letters() {
  rm -f part
  "$@" if=disk of=part bs=4096 2> /dev/null
  tr -s '[:upper:]' < part
}
seen=
for options in 'skip=2 count=5' 'skip=5 count=5' skip=11 count=5; do
  # shellcheck disable=SC2086
  seen+="$options: $(letters dd $options) $(letters qemu-img dd -f raw -O raw $options), "
done
echo "$seen"
right='skip=2 count=5: CDEFG CDE, skip=5 count=5: FGHIJ , skip=11: LMNOP LMNOP, count=5: ABCDE ABCDE, '
[ "$seen" = "$right" ] || { echo 'qemu-img behaves in another way now' >&2; exit 1; }
