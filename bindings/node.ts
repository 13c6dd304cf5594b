/**
 * Classes that need Node.js.
 * @module zram-wasm/node
 */
export { FileBacking } from './backing/file.js';
