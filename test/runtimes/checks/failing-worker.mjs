/** A worker of `ParallelZram` that throws, outside of any call, some time after the first pages have come. */
import '/node_modules/zram-wasm/dist/parallel-worker.js';

setTimeout(() => {
  throw new Error('of the test');
}, 300);
