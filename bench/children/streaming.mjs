/**
 * A neighbour that streams through memory, until its parent ends it: on a host that is shared, the other cores do. It
 * tells when it has begun.
 */
const BYTES = 1 << 27; // more than any cache
const [from, to] = [new Uint8Array(BYTES).fill(1), new Uint8Array(BYTES)];

process.on('disconnect', () => process.exit(0));
process.send('streaming');
(function stream() {
  to.set(from);
  setImmediate(stream);
})();
