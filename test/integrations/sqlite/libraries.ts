/** The three libraries, each with MemoryVFS or ours, behind one way to run SQL. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { PageFs } from '../../../integrations/fs.js';
import { ZramVFS, ZramVFS1, ZramWasmVFS, type Databases, type VfsOptions } from '../../../integrations/sqlite.js';

export type Row = (string | number | bigint | Uint8Array | number[] | null)[];
export interface Connection {
  exec(sql: string): Promise<Row[]>;
  close(): Promise<void>;
}
/** A module of a library in which VFSes can be registered. */
export interface Library {
  /** Makes our VFS. */
  install(fs: PageFs, options?: Omit<VfsOptions, 'fs'>): Promise<Databases & { readonly name: string }>;
  /** The library's own VFS of plain memory, by name. */
  readonly memory: string;
  open(file: string, vfs: string, readOnly?: boolean): Promise<Connection>;
}

export const LIBRARIES = {
  'wa-sqlite 1': () => waSqlite('wa-sqlite', 'wa-sqlite'),
  'wa-sqlite 1, asynchronous build': () => waSqlite('wa-sqlite', 'wa-sqlite-async'),
  'wa-sqlite 2': () => waSqlite('@journeyapps/wa-sqlite', 'wa-sqlite'),
  'wa-sqlite 2, asynchronous build': () => waSqlite('@journeyapps/wa-sqlite', 'wa-sqlite-async'),
  'sqlite-wasm': sqliteWasm,
};

const require = createRequire(import.meta.url);
const READ_ONLY = 1;
const READ_WRITE_CREATE = 6;

interface WaSqliteApi {
  vfs_register(vfs: object, makeDefault: boolean): number;
  open_v2(name: string, flags: number, vfs: string): Promise<number>;
  exec(db: number, sql: string, row: (row: Row) => void): Promise<number>;
  close(db: number): Promise<number>;
}
interface WaSqliteModuleOfTests {
  HEAPU8: Uint8Array;
  _sqlite3_malloc(bytes: number): number;
  _sqlite3_free(address: number): void;
}

let installed = 0;

async function waSqlite(name: string, build: string): Promise<Library> {
  const { default: factory } = (await import(`${name}/dist/${build}.mjs`)) as {
    default: (options: object) => Promise<WaSqliteModuleOfTests>;
  };
  const wasmBinary = readFileSync(require.resolve(`${name}/dist/${build}.wasm`));
  const module = await factory({ wasmBinary });
  const { Factory } = (await import(name)) as { Factory: (module: object) => WaSqliteApi };
  const api = Factory(module);
  const { MemoryVFS } = (await import(`${name}/src/examples/MemoryVFS.js`)) as {
    MemoryVFS: { new (): { name: string }; create?(name: string, module: object): Promise<object> };
  };
  const isOld = MemoryVFS.create === undefined;
  api.vfs_register((await MemoryVFS.create?.('memory', module)) ?? new MemoryVFS(), false);
  return {
    memory: 'memory',
    async install(fs, options = {}) {
      const vfsName = `zram${++installed}`;
      const vfs = isOld
        ? await ZramVFS1.create(vfsName, { fs, ...options })
        : await ZramVFS.create(vfsName, module, { fs, ...options });
      api.vfs_register(vfs, false);
      return vfs;
    },
    async open(file, vfs, readOnly = false) {
      const db = await api.open_v2(file, readOnly ? READ_ONLY : READ_WRITE_CREATE, vfs);
      return {
        async exec(sql) {
          const rows: Row[] = [];
          await api.exec(db, sql, (row) => rows.push(row.map((x) => (x instanceof Uint8Array ? [...x] : x))));
          return rows;
        },
        async close() {
          await api.close(db);
        },
      };
    },
  };
}

interface Oo1 {
  oo1: { DB: new (options: object) => { exec(sql: string, options: object): Row[]; close(): void } };
}

async function sqliteWasm(): Promise<Library> {
  const { default: init } = (await import('@sqlite.org/sqlite-wasm')) as unknown as { default: () => Promise<Oo1> };
  const sqlite3 = await init();
  return {
    memory: 'memdb',
    install: (fs, options = {}) => ZramWasmVFS.install(sqlite3, `zram${++installed}`, { fs, ...options }),
    open(filename, vfs, readOnly = false) {
      const db = new sqlite3.oo1.DB({ filename, vfs, flags: readOnly ? 'r' : 'c' });
      return Promise.resolve({
        exec: (sql) =>
          new Promise((resolve) => {
            const rows = db.exec(sql, { returnValue: 'resultRows' });
            resolve(rows.map((row) => row.map((x) => (x instanceof Uint8Array ? [...x] : x))));
          }),
        close() {
          db.close();
          return Promise.resolve();
        },
      });
    },
  };
}
