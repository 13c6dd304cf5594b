/** What this browser must have, and what it may lack: sentences for people, found by trying. */

/** A module of one function with a v128 constant: valid only where there is SIMD. */
const SIMD_MODULE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** Why the demo cannot run here, or undefined when it can. */
export function obstacle(): string | undefined {
  if (typeof WebAssembly === 'undefined') {
    return 'This browser has no WebAssembly, or it is switched off. zram-wasm runs nowhere without it: any browser since 2017 has it.';
  }
  if (!WebAssembly.validate(SIMD_MODULE)) {
    return 'This browser’s WebAssembly has no SIMD, which zram-wasm needs. Chrome and Edge have it since version 91, Firefox since 89, Safari since 16.4.';
  }
  if (typeof Worker === 'undefined' || typeof OffscreenCanvas === 'undefined') {
    return 'This browser has no module workers or no OffscreenCanvas, which the demo needs. Chrome, Edge, Firefox and Safari have both since 2023.';
  }
  return undefined;
}

/** Why nothing can be written back, or undefined. */
export function writebackObstacle(): string | undefined {
  if (!isSecureContext) {
    return 'the browser’s private file system (OPFS) is there only over https or from localhost.';
  }
  if (typeof navigator.storage?.getDirectory !== 'function') {
    return 'this browser has no private file system (OPFS).';
  }
  return undefined;
}
