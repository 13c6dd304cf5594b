/// <reference lib="esnext.disposable" preserve="true" />
/**
 * SQLite's files on compressed pages: a VFS for wa-sqlite and for SQLite's own WebAssembly build.
 * @module zram-wasm/sqlite
 */
export type { Databases, VfsOptions } from './sqlite/databases.js';
export { ZramWasmVFS } from './sqlite/sqlite-wasm.js';
export { ZramVFS, type WaSqliteModule } from './sqlite/wa-sqlite.js';
export { ZramVFS1 } from './sqlite/wa-sqlite-1.js';
