/** `zram-wasm/node`: what needs Node.js. */
export { FileBacking } from './backing/file.js';
