#!/usr/bin/env bash
# nbdkit 1.32.5, tar filter, and GNU tar: a disk image that `tar --sparse` packed is served as another disk, without an error.
# The size is the right one; the content begins with the parts that are in the archive, pasted together (in pax format with the
# map of the parts in front of them), and goes on with whatever follows in the archive: headers and the next files, which a
# write to the disk changes. The manual rules out compressed tars, and does not speak of sparse ones, as images mostly are.
#
# Seen: of an image of 1 MiB with two words in it 1,048,576 bytes are served, with the word of 500,000 at 288 (gnu) or 800 (pax),
# and with the header and more than a million bytes of the next file. Without --sparse the disk is the image.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
get() { apt-get download -qq nbdkit=1.32.5-1 2> /dev/null; }
get || { apt-get update -qq && get; }
dpkg-deb -x nbdkit_*.deb .
library=$(echo usr/lib/*/nbdkit)

truncate -s 1M disk
printf middle | dd of=disk bs=1 seek=500000 conv=notrunc status=none
printf end | dd of=disk bs=1 seek=1048573 conv=notrunc status=none
head -c 1M /dev/zero | tr '\0' z > next
for format in gnu pax; do tar --sparse --hole-detection=raw --format=$format -cf $format.tar disk next; done
tar -cf plain.tar disk next

# The old handshake is 152 bytes, the size among them; then one request for 1 MiB from 0, whose answer has 16 bytes in front.
served() {
  printf '\x25\x60\x95\x13\0\0\0\0lockhand\0\0\0\0\0\0\0\0\0\x10\0\0' |
    usr/bin/nbdkit -o -r -s "$library/plugins/nbdkit-file-plugin.so" "$1" \
      --filter="$library/filters/nbdkit-tar-filter.so" tar-entry=disk | tail -c +169
}
seen=
for name in plain gnu pax; do
  served $name.tar > $name
  same=no
  ! cmp -s $name disk || same=yes
  others=$(tr -dc z < $name | wc -c)
  word=$(grep --text --byte-offset --only-matching middle $name | cut -d: -f1)
  seen+="$name: $(wc -c < $name) $same $word $((others > 1000000)), "
done
echo "$seen"
right='plain: 1048576 yes 500000 0, gnu: 1048576 no 288 1, pax: 1048576 no 800 1, '
[ "$seen" = "$right" ] || { echo 'nbdkit behaves in another way now' >&2; exit 1; }
