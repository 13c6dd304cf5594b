/**
 * The part of as-bind 0.8.2's runtime that we use; the package itself declares nothing. Its `main` is a compiler
 * plug-in, so the runtime has to be imported by this path.
 */
declare module 'as-bind/dist/as-bind.esm.js' {
  /** What `instantiateSync` gives. Numbers pass unchanged; i64 is a `bigint`. */
  export interface AsBindInstance {
    /** Exports wrapped by as-bind: each call checks the number of arguments. `memory` and globals are here too. */
    readonly exports: Record<string, unknown>;
    readonly module: WebAssembly.Module;
    readonly loadedModule: {
      readonly module: WebAssembly.Module;
      /** `loadedModule.instance.exports` are the engine's own functions, the fastest to call. */
      readonly instance: WebAssembly.Instance;
      readonly exports: Record<string, unknown>;
    };
  }
  /** Compiles and instantiates, at once. Takes bytes, never a `WebAssembly.Module`. */
  export function instantiateSync(source: BufferSource, imports?: WebAssembly.Imports): AsBindInstance;
}
