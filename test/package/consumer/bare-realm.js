/** A realm with nothing but what the library needs of its surroundings: as edge runtimes, which may forbid compiling too. */
import { readFile } from 'node:fs/promises';
import vm from 'node:vm';
import { roundTrip } from './round-trip.js';

const compiles = process.argv[2] === 'compiles';
const needs = { TextDecoder, atob, crypto, performance };
const realm = vm.createContext(needs, { codeGeneration: { strings: false, wasm: compiles } });
vm.runInContext(await readFile('script.js', 'utf8'), realm);
const { library } = realm;

if (compiles) {
  console.log(JSON.stringify(await roundTrip(library)));
} else {
  const core = await readFile(new URL(import.meta.resolve('zram-wasm/core.wasm')));
  const seen = await roundTrip(library, { module: await WebAssembly.compile(core) });
  const message = await roundTrip(library).catch((error) => error.message);
  console.log(JSON.stringify({ seen, message }));
}
