/** Which of a cluster's 16,384 slots a key is in: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ */

const SLOTS = 16384;
const [OPEN, CLOSE] = [0x7b, 0x7d];
/** CRC-16/XMODEM, by the upper byte. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0);
  return crc;
});

/** Of a key with braces only what is between the first two counts, if that is not empty; keys are bytes, so some have them. */
export function slotOf(key: Uint8Array): number {
  const open = key.indexOf(OPEN);
  const close = open < 0 ? -1 : key.indexOf(CLOSE, open + 1);
  const [from, to] = close > open + 1 ? [open + 1, close] : [0, key.length];
  let crc = 0;
  for (let i = from; i < to; i++) crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >> 8) ^ key[i]];
  return crc % SLOTS;
}
