/**
 * Cores with a bug planted in them, for tests of the tests: a model that does not see it proves nothing.
 *
 * Two ways: a function inside the debug build is replaced by one that does nothing, or an export is wrapped.
 */
import type { Engine } from '../../bindings/index.js';
import { coreOf, wasmBytes, type RawExports } from './raw-core.js';

const CODE_SECTION = 10;
const CUSTOM_SECTION = 0;
const FUNCTION_NAMES = 1;

const OP = { nop: 0x01, end: 0x0b, i32Const: 0x41 };

/** Reads the numbers (LEB128) of a WebAssembly file. */
class Reader {
  constructor(
    readonly bytes: Uint8Array,
    public at: number,
  ) {}

  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }

  text(): string {
    const length = this.number();
    this.at += length;
    return Buffer.from(this.bytes.subarray(this.at - length, this.at)).toString();
  }
}

/** Start and end of each section's content, by number; a custom one by its name. */
function sectionsOf(bytes: Uint8Array): Map<number | string, { start: number; end: number }> {
  const sections = new Map<number | string, { start: number; end: number }>();
  const reader = new Reader(bytes, 8);
  while (reader.at < bytes.length) {
    const id = bytes[reader.at++];
    const size = reader.number();
    const end = reader.at + size;
    const name = id === CUSTOM_SECTION ? reader.text() : id;
    sections.set(name, { start: reader.at, end });
    reader.at = end;
  }
  return sections;
}

/** Numbers of functions by name, those that are imported counted first. */
function functionNumbers(bytes: Uint8Array): Map<string, number> {
  const section = sectionsOf(bytes).get('name');
  if (!section) throw new Error('this build has no names: only the debug build has');
  const reader = new Reader(bytes, section.start);
  const numbers = new Map<string, number>();
  while (reader.at < section.end) {
    const kind = reader.number();
    const end = reader.number() + reader.at;
    if (kind === FUNCTION_NAMES) {
      for (let left = reader.number(); left > 0; left--) {
        const number = reader.number();
        numbers.set(reader.text(), number);
      }
    }
    reader.at = end;
  }
  return numbers;
}

/**
 * The debug build with a function that does nothing but return a constant.
 * @param name as the build has it: `assembly/compare/bytes_equal`
 * @param constant 0 … 63; undefined where nothing is returned
 */
export function withoutBody(name: string, constant?: number): WebAssembly.Module {
  const bytes = wasmBytes('debug');
  const imported = WebAssembly.Module.imports(new WebAssembly.Module(bytes)).filter(({ kind }) => kind === 'function');
  const number = functionNumbers(bytes).get(name);
  const code = sectionsOf(bytes).get(CODE_SECTION);
  if (number === undefined || !code) throw new Error(`the build has no function ${name}`);
  const reader = new Reader(bytes, code.start);
  reader.number();
  for (let skipped = imported.length; skipped < number; skipped++) {
    const size = reader.number();
    reader.at += size;
  }
  const size = reader.number();
  const body = bytes.subarray(reader.at, reader.at + size);
  // No locals, and as many bytes as before, so that nothing else moves.
  body.fill(OP.nop);
  body[0] = 0;
  if (constant !== undefined) body.set([OP.i32Const, constant], size - 3);
  body[size - 1] = OP.end;
  return new WebAssembly.Module(bytes);
}

/** Exports that are to be instead of those that `raw` has. */
export type Wrapper = (raw: RawExports) => Partial<RawExports>;

/** Wraps exports of an engine's core, before anything is made of it. */
export function plant(engine: Engine, wrapper: Wrapper): Engine {
  const core = coreOf(engine) as unknown as { raw: RawExports };
  const { raw } = core;
  core.raw = { ...raw, ...wrapper(raw) };
  return engine;
}

/** Says true every n-th time. */
export function every(n: number): () => boolean {
  let count = 0;
  return () => ++count % n === 0;
}

/** The numbers that a call for statistics wrote. */
export function numbersOf(raw: RawExports): Float64Array {
  return new Float64Array(raw.memory.buffer, raw.stagingAddress(), 32);
}
