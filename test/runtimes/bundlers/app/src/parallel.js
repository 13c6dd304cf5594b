/** Pages through two workers. */
import { ParallelZram } from 'zram-wasm/parallel';

const zram = await ParallelZram.create({ disksize: '16M', workers: 2 });
const pages = new Uint8Array(64 * 4096).map((_, at) => (at * at) >> 9);
await zram.writePages(0, pages);
const read = await zram.readPages(0, 64);
console.log(read.length === pages.length && read.every((byte, at) => byte === pages[at]));
await zram.destroy();
