/** The calls as SQLite's C code makes them, with addresses instead of values: what two of the three libraries hand on. */
import * as C from './codes.js';
import type { Connections } from './connections.js';

/** The memory of a module. */
export interface Memory {
  /** All of it, as it is now: when it grows, older arrays are dead. */
  bytes(): Uint8Array;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export class RawCalls {
  constructor(
    private readonly memory: Memory,
    private readonly connections: Connections,
  ) {}

  open(zName: number, pFile: number, flags: number, pOutFlags: number): number {
    const [name, known] = this.#name(zName, flags);
    return this.connections.open(pFile, name, known, (granted) => {
      if (pOutFlags !== 0) this.#setInt32(pOutFlags, granted);
    });
  }

  /** A name with the parameters of its URI, and the flags without that of URIs when there are none. */
  #name(zName: number, flags: number): [name: string | null, flags: number] {
    if (zName === 0) return [null, flags & ~C.OPEN_URI];
    const path = this.text(zName);
    if ((flags & C.OPEN_URI) === 0) return [path, flags];
    const parameters = new URLSearchParams();
    for (let at = this.#end(zName) + 1; this.memory.bytes()[at] !== 0; at = this.#end(at) + 1) {
      const key = this.text(at);
      at = this.#end(at) + 1;
      parameters.append(key, this.text(at));
    }
    return parameters.has('snapshot')
      ? [`${path}?snapshot=${parameters.get('snapshot')}`, flags]
      : [path, flags & ~C.OPEN_URI];
  }

  #end(address: number): number {
    return this.memory.bytes().indexOf(0, address);
  }

  text(address: number): string {
    return decoder.decode(this.memory.bytes().subarray(address, this.#end(address)));
  }

  remove(zName: number): number {
    return this.connections.remove(this.text(zName));
  }

  access(zName: number, flags: number, pResOut: number): number {
    const forWriting = flags === C.ACCESS_READWRITE;
    return this.connections.access(this.text(zName), forWriting, (can) => this.#setInt32(pResOut, can ? 1 : 0));
  }

  fullPathname(zName: number, nOut: number, zOut: number): number {
    const bytes = this.memory.bytes();
    const length = this.#end(zName) - zName;
    if (length >= nOut) return C.CANTOPEN;
    bytes.copyWithin(zOut, zName, zName + length + 1);
    return C.OK;
  }

  lastError(nBuf: number, zBuf: number): number {
    if (nBuf <= 0) return C.OK;
    const out = this.memory.bytes().subarray(zBuf, zBuf + nBuf);
    const { written } = encoder.encodeInto(this.connections.lastError, out.subarray(0, nBuf - 1));
    out[written] = 0;
    return C.OK;
  }

  read(pFile: number, pData: number, length: number, at: number): number {
    return this.connections.read(pFile, this.memory.bytes().subarray(pData, pData + length), at);
  }

  write(pFile: number, pData: number, length: number, at: number): number {
    return this.connections.write(pFile, this.memory.bytes().subarray(pData, pData + length), at);
  }

  fileSize(pFile: number, pSize: number): number {
    return this.connections.size(pFile, (size) => this.#view().setBigInt64(pSize, BigInt(size), true));
  }

  checkReservedLock(pFile: number, pResOut: number): number {
    this.#setInt32(pResOut, this.connections.isReserved(pFile) ? 1 : 0);
    return C.OK;
  }

  shmMap(pFile: number, region: number, bytes: number, extend: boolean, ppOut: number): number {
    return this.connections.shmMap(pFile, region, bytes, extend, (address) => this.#setInt32(ppOut, address));
  }

  randomness(nByte: number, zOut: number): number {
    this.memory.bytes().set(crypto.getRandomValues(new Uint8Array(nByte)), zOut);
    return nByte;
  }

  currentTime(pTime: number): number {
    this.#view().setFloat64(pTime, (Date.now() + C.UNIX_EPOCH_MS) / 86400000, true);
    return C.OK;
  }

  currentTimeInt64(pTime: number): number {
    this.#view().setBigInt64(pTime, BigInt(Date.now() + C.UNIX_EPOCH_MS), true);
    return C.OK;
  }

  #setInt32(address: number, value: number): void {
    this.#view().setInt32(address, value, true);
  }

  #view(): DataView {
    const { buffer, byteOffset } = this.memory.bytes();
    return new DataView(buffer, byteOffset);
  }
}
