/** Byte arrays of every kind that a caller may pass, with equal contents; and arrays that give up while a call is under way. */

const never = (what: string) => () => {
  throw new TypeError(what);
};

/** A subclass that cannot be made of a length, and whose methods are none of the library's business. */
class Page extends Uint8Array {
  constructor(buffer: ArrayBufferLike, byteOffset: number, length: number) {
    if (typeof buffer !== 'object') throw new TypeError('no such Page');
    super(buffer as ArrayBuffer, byteOffset, length);
  }
}
for (const name of ['slice', 'subarray', 'set', 'fill', Symbol.iterator]) {
  Object.defineProperty(Page.prototype, name, { value: never(`${String(name)} is not to be called`) });
}
Object.defineProperty(Page, Symbol.species, { get: never('no species') });

/** Says of itself what is not so. */
function dressed(bytes: Uint8Array): Uint8Array {
  return Object.defineProperties(bytes, { length: { value: 7 }, byteLength: { value: 7 }, byteOffset: { value: 1 } });
}

function subclass(bytes: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = inside(bytes);
  return new Page(buffer, byteOffset, length);
}

/** A part of a larger buffer, with other bytes around it. */
function inside(bytes: Uint8Array): Uint8Array {
  const larger = new Uint8Array(bytes.length + 200).fill(0xdd);
  larger.set(bytes, 100);
  return new Uint8Array(larger.buffer, 100, bytes.length);
}

function shared(bytes: Uint8Array): Uint8Array {
  const array = new Uint8Array(new SharedArrayBuffer(bytes.length));
  array.set(bytes);
  return array;
}

/** Makes an array of the kind; `fill` changes all of its bytes, whatever it says of itself. */
export const ARRAY_KINDS: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  plain: (bytes) => Uint8Array.from(bytes),
  inside,
  buffer: (bytes) => Buffer.from(bytes), // of Node's pool when it is short
  shared,
  subclass,
  dressed: (bytes) => dressed(inside(bytes)),
};

/** The bytes of an array, whatever it says of itself. */
export function bytesOf(array: Uint8Array): Uint8Array {
  const get = (name: string): unknown => {
    const getter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), name)?.get;
    return getter?.call(array);
  };
  return new Uint8Array(get('buffer') as ArrayBuffer, get('byteOffset') as number, get('length') as number);
}

type Resizable = ArrayBuffer & { resize(length: number): void };

/** As far as it is used here; the types of ES2022 do not know it. */
function resizable(length: number): Resizable {
  const Type = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => Resizable;
  return new Type(length, { maxByteLength: length });
}

/** Arrays to read into, and what takes them away from the call. */
export const FLEETING: Readonly<Record<string, (length: number) => { out: Uint8Array; leave: () => void }>> = {
  transferred(length) {
    const out = new Uint8Array(length);
    return { out, leave: () => void structuredClone(out.buffer, { transfer: [out.buffer] }) };
  },
  'made shorter': (length) => {
    const buffer = resizable(length);
    return { out: new Uint8Array(buffer), leave: () => buffer.resize(0) };
  },
  'cut off': (length) => {
    const buffer = resizable(length + 8);
    return { out: new Uint8Array(buffer, 4, length), leave: () => buffer.resize(5) };
  },
};
