#!/usr/bin/env bash
# mock-aws-s3 4.0.2, a stand-in for S3 in tests: getObject() with a Range returns the whole object, without ContentRange and
# without an error. What reads parts of an object (an index at the end, one page) is handed all of it and takes its beginning
# for the part, or passes its test though it would read everything.
#
# Seen: of an object of 100 bytes bytes=76-99, bytes=-24 and bytes=0-0 give 100 bytes, from byte 0 on, ContentLength 100.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund mock-aws-s3@4.0.2

cat > try.cjs << 'JS'
const mock = require('mock-aws-s3');

mock.config.basePath = 'store';
const s3 = mock.S3({ params: { Bucket: 'things' } });
(async () => {
  const Body = Buffer.from(Uint8Array.from({ length: 100 }, (_, n) => n));
  await s3.putObject({ Key: 'one', Body }).promise();
  const seen = {};
  for (const Range of ['bytes=76-99', 'bytes=-24', 'bytes=0-0']) {
    const { Body: part, ContentLength, ContentRange } = await s3.getObject({ Key: 'one', Range }).promise();
    seen[Range] = [part.length, part[0], ContentLength, ContentRange].join();
  }
  console.log(seen);
  process.exitCode = Object.values(seen).every((part) => part === '100,0,100,') ? 0 : 1;
})();
JS
node try.cjs || { echo 'mock-aws-s3 behaves in another way now' >&2; exit 1; }
