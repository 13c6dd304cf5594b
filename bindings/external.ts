/**
 * `zram-wasm/external`: the same library, with the core in a file of its own (the build replaces
 * core/default-source.ts).
 */
export * from './index.js';
