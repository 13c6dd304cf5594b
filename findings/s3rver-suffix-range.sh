#!/usr/bin/env bash
# s3rver 3.7.1, a server of S3's protocol for tests: a range that counts from the end is answered with the beginning. For
# `Range: bytes=-24` of an object of 100 bytes it returns the first 25 bytes, with a Content-Range that says so, where S3 and
# RFC 9110 mean the last 24. Ranges that count from the beginning are right. What reads the index at the end of an object
# this way, and trusts the status 206, reads something else.
#
# Seen: status 206, Content-Range "bytes 0-24/100", the bytes 0 to 24.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund s3rver@3.7.1 @aws-sdk/client-s3@3.1175.0

cat > try.mjs << 'JS'
import { mkdtempSync } from 'node:fs';
import { S3 } from '@aws-sdk/client-s3';
import S3rver from 's3rver';

const server = new S3rver({
  ...{ address: '127.0.0.1', port: 0, silent: true, directory: mkdtempSync('store-') },
  configureBuckets: [{ name: 'things' }],
});
const { port } = await server.run();
const s3 = new S3({
  ...{ endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', forcePathStyle: true },
  credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
});
const Body = Uint8Array.from({ length: 100 }, (_, n) => n);
await s3.putObject({ Bucket: 'things', Key: 'one', Body });
const read = async (Range) => {
  const { Body: body, ContentRange, $metadata } = await s3.getObject({ Bucket: 'things', Key: 'one', Range });
  const bytes = await body.transformToByteArray();
  return { status: $metadata.httpStatusCode, range: ContentRange, first: bytes[0], length: bytes.length };
};
const [suffix, absolute] = [await read('bytes=-24'), await read('bytes=76-99')];
console.log({ suffix, absolute });
await server.close();
s3.destroy();
const wrong = suffix.status === 206 && suffix.first === 0 && suffix.length === 25;
process.exitCode = wrong && absolute.first === 76 && absolute.length === 24 ? 0 : 1;
JS
node try.mjs || { echo 's3rver behaves in another way now' >&2; exit 1; }
