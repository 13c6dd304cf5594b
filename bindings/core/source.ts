/**
 * Where the core's code comes from: bytes, a compiled `WebAssembly.Module`, a `Response`, or a `URL`. Default: the copy
 * shipped with the package.
 */
export type CoreSource =
  | Uint8Array
  | ArrayBuffer
  | {
      /** A URL's address; `file:` is read with Node's `fs`, any other scheme with `fetch`. */
      readonly href: string;
    }
  | {
      /** A Response's body. */
      arrayBuffer(): Promise<ArrayBuffer>;
    }
  | object;
