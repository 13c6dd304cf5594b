/** Locates files that are shipped beside a bundle. */
import { ZramError } from './errors.js';

/** Defined in CommonJS, not in ES modules. */
declare const __filename: string | undefined;

/**
 * The address of a file beside the bundle.
 * @param name the file
 * @param literal `new URL('./NAME', import.meta.url)`, written out where bundlers look for it
 * @throws ZramError EIO: the bundle does not know its own address
 */
export function besideBundle(name: string, literal: () => URL): URL {
  try {
    return literal();
  } catch {
    // import.meta.url is undefined in a bundle converted to CommonJS, and on some edge runtimes.
  }
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  const url = typeof __filename === 'string' ? process?.getBuiltinModule?.('node:url') : undefined;
  if (url) return new URL(name, url.pathToFileURL(__filename as string));
  throw new ZramError(
    'EIO',
    `cannot find ${name}: the bundle has no address (import.meta.url). Pass a compiled WebAssembly.Module as module, and to ParallelZram also a worker.`,
  );
}
