/**
 * What every consumer does: write, merge, read back. In plain JavaScript, since it runs as it is in Node, in bundles and
 * in browsers. Gives what it saw, for the test to compare with the same done by the sources.
 */
export async function roundTrip({ Zram }, options) {
  const zram = await Zram.create({ disksize: '1M', ...options });
  try {
    return use(zram);
  } finally {
    zram.destroy();
  }
}

/** The same on a device of an engine that was made before. */
export function roundTripIn(engine) {
  const zram = engine.createZram({ disksize: '1M' });
  try {
    return use(zram);
  } finally {
    zram.destroy();
  }
}

function use(zram) {
  const page = Uint8Array.from({ length: 4096 }, (_, n) => (n * 31) >> 3);
  for (const index of [0, 7, 255]) zram.writePage(index, page);
  zram.writePage(1, new Uint8Array(4096));
  const { objectsMerged } = zram.merge();
  const out = new Uint8Array(4096);
  const same = [0, 7, 255].every((index) => zram.readPage(index, out).every((byte, n) => byte === page[n]));
  return { same, objectsMerged, mmStat: zram.sysfs.read('mm_stat') };
}
