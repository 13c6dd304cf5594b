/**
 * The libraries that we compare with. Those of bench/package.json may be missing (no network, a platform without a
 * binary): then their rows say so.
 */
import { Missing } from './native.mjs';

const NAMES = ['lz4-napi', 'lz4js', 'xxhash-wasm', 'hash-wasm', 'fflate'];

/**
 * @param {'lz4-napi' | 'lz4js' | 'xxhash-wasm' | 'hash-wasm' | 'fflate'} name
 * @throws Missing
 */
export async function library(name) {
  if (!NAMES.includes(name)) throw new Error(`bench/package.json has no ${name}`);
  try {
    const module = await import(name);
    // What was CommonJS has all of its exports under `default` only.
    return 'default' in module && typeof module.default === 'object' ? module.default : module;
  } catch (error) {
    throw new Missing(`${name} is not installed (${error.code ?? error.message})`);
  }
}
