/** Loads a part of the library from a file of its own, as `zram-wasm` does in Node.js: see scripts/parts.mjs. */
import { ZramError } from './errors.js';
import { textOf } from './messages.js';

interface Part {
  /** Of the build that wrote it. */
  readonly build: string;
  /** @param shared what the part imports from the rest of the library, by file */
  make(shared: object): object;
}

/**
 * What the part exports.
 * @param build this file's own: the package may have been replaced while the program runs
 * @param bundled `require`, written out, by which a bundler that took this file has brought the part along
 * @throws ZramError EIO: the part is not there, or is another build's
 */
export function loadPart(file: string, build: string, shared: object, bundled: () => Part): object {
  const beside = (): Part => {
    const { createRequire } = globalThis.process.getBuiltinModule('node:module');
    return createRequire(import.meta.url)(file) as Part;
  };
  const reasons: string[] = [];
  for (const load of [beside, bundled]) {
    try {
      const part = load();
      if (part.build === build) return part.make(shared);
      reasons.push('it is of another build');
    } catch (error) {
      reasons.push(textOf(error));
    }
  }
  throw new ZramError(
    'EIO',
    `cannot load ${file} of zram-wasm: ${reasons[0]}. If the package was replaced or removed while the program runs, start the program again.`,
  );
}
