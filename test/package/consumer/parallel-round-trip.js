/** What consumers of zram-wasm/parallel do, as round-trip.js. Says too whether memory can be shared with the workers. */
export async function parallelRoundTrip({ ParallelZram }, options) {
  const zram = await ParallelZram.create({ disksize: '4M', workers: 2, ...options });
  const pages = Uint8Array.from({ length: 100 * 4096 }, (_, n) => (n * 31) >> (n >> 13));
  await zram.writePages(0, pages);
  await zram.write(600 * 4096 + 5, pages);
  const { objectsMerged } = await zram.merge();
  const seen = [await zram.readPages(0, 100), await zram.read(600 * 4096 + 5, pages.length)];
  const same = seen.every((bytes) => bytes.every((byte, n) => byte === pages[n]));
  const { mmStat, workers } = await zram.stats();
  await zram.destroy();
  return {
    same,
    objectsMerged,
    origDataSize: mmStat.origDataSize,
    spread: workers.every((worker) => worker.mmStat.origDataSize > 0),
  };
}
