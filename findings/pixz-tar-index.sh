#!/usr/bin/env bash
# pixz 1.0.7 and xz: a tar that pixz compressed comes out of xz, and of every other reader of .xz, with bytes behind its end:
# pixz's index of the files, which it writes as a last block like any other, and which only pixz leaves out. tar does not
# mind; a checksum or a size of the tar does. It looks whether the content is a tar, not at the name; -t keeps it from that.
#
# Seen: a tar of 20,480 bytes with two files comes out of `xz -dc` with 20,517, its own bytes first; of `pixz -d`, and of xz
# after `pixz -t`, with 20,480.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
get() { apt-get download -qq pixz=1.0.7-2 xz-utils libarchive13 libxml2 libicu72 2> /dev/null; }
get || { apt-get update -qq && get; }
for package in *.deb; do dpkg-deb -x "$package" .; done
PATH=$folder/usr/bin:$PATH
LD_LIBRARY_PATH=$(echo "$folder"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH

head -c 4096 /dev/zero > a
head -c 5000 /dev/zero > b
tar -cf files.tar a b
pixz < files.tar > files.xz
pixz -t < files.tar > plain.xz
size() { wc -c | tr -d ' '; }
seen="tar: $(size < files.tar), pixz: $(pixz -d < files.xz | size)"
seen+=", xz: $(xz -dc files.xz | size), with -t: $(xz -dc plain.xz | size)"
echo "$seen"
xz -dc files.xz | cmp -n 20480 - files.tar
[ "$seen" = 'tar: 20480, pixz: 20480, xz: 20517, with -t: 20480' ] || { echo 'pixz behaves in another way now' >&2; exit 1; }
