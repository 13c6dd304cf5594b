/** Databases on forks of one file system: each is a VFS of its own, in one SQLite. */
import { Factory, SQLITE_OPEN_CREATE, SQLITE_OPEN_READONLY, SQLITE_OPEN_READWRITE } from '@journeyapps/wa-sqlite';
import SQLiteESMFactory from '@journeyapps/wa-sqlite/dist/wa-sqlite.mjs';
import wasmUrl from '@journeyapps/wa-sqlite/dist/wa-sqlite.wasm?url';
import { Engine, type Zram } from 'zram-wasm';
import { PageFs } from 'zram-wasm/fs';
import { ZramVFS, type WaSqliteModule } from 'zram-wasm/sqlite';
import { HUGE, MERGED, SAME, STORED, type PageStates } from '../engine/protocol.js';
import type { Answer, Branches } from './protocol.js';

const FILE = '/shop.db';
const PAGE_BYTES = 4096;
const ROWS_SHOWN = 100;
const SCHEMA = `
  CREATE TABLE purchase (id INTEGER PRIMARY KEY, city TEXT, goods TEXT, price REAL, note TEXT);
  WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 60000)
  INSERT INTO purchase SELECT n,
    (ARRAY_CITY), (ARRAY_GOODS), round(n * 7919 % 20000 / 100.0, 2), 'order ' || n || ', paid by card'
  FROM n;
  CREATE INDEX purchase_city ON purchase (city, price);
`;
const CITIES = ['Lisbon', 'Kyoto', 'Oslo', 'Lima', 'Nairobi', 'Quito', 'Tbilisi', 'Hanoi', 'Riga', 'Perth'];
const GOODS = ['lamp', 'kettle', 'notebook', 'chair', 'cable', 'mug', 'atlas', 'clock', 'scarf', 'violin'];

interface Open {
  readonly id: number;
  readonly name: string;
  readonly fs: PageFs;
  readonly vfs: ZramVFS;
  readonly db: number;
}

/** One of some words, by a number. */
function pick(words: readonly string[], number: string): string {
  return `CASE ${number} ${words.map((word, n) => `WHEN ${n} THEN '${word}'`).join(' ')} END`;
}

export class DatabaseBranches {
  readonly #open = new Map<number, Open>();
  readonly #scratch: Zram;
  #last = 0;

  private constructor(
    readonly engine: Engine,
    readonly module: WaSqliteModule,
    readonly sqlite: SQLiteAPI,
  ) {
    // Tells how small a page becomes.
    this.#scratch = engine.createZram({ disksize: PAGE_BYTES });
  }

  static async make(): Promise<DatabaseBranches> {
    const engine = await Engine.create();
    const module = (await SQLiteESMFactory({ locateFile: () => wasmUrl })) as WaSqliteModule;
    const branches = new DatabaseBranches(engine, module, Factory(module));
    const first = await branches.#add('the database', PageFs.createSync({ engine }));
    const city = pick(CITIES, 'n * 31 / 7 % 10');
    const goods = pick(GOODS, 'n * 17 / 5 % 10');
    await branches.run(first.id, SCHEMA.replace('ARRAY_CITY', city).replace('ARRAY_GOODS', goods));
    return branches;
  }

  async #add(name: string, fs: PageFs): Promise<Open> {
    const id = ++this.#last;
    const vfs = await ZramVFS.create(`branch-${id}`, this.module, { fs });
    this.sqlite.vfs_register(vfs as never);
    const flags = fs.frozen ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    const db = await this.sqlite.open_v2(FILE, flags, vfs.name);
    const open = { id, name, fs, vfs, db };
    this.#open.set(id, open);
    return open;
  }

  #get(id: number): Open {
    const open = this.#open.get(id);
    if (!open) throw new Error('This branch is gone.');
    return open;
  }

  async run(id: number, sql: string): Promise<Answer> {
    const { db } = this.#get(id);
    let columns: string[] = [];
    let rows: string[][] = [];
    let rowCount = 0;
    const before = await this.#totalChanges(db);
    const begun = performance.now();
    await this.sqlite.exec(db, sql, (row, names) => {
      // Of several queries the last one is shown.
      if (names.join('\0') !== columns.join('\0')) [columns, rows, rowCount] = [names, [], 0];
      if (rowCount++ < ROWS_SHOWN) rows.push(row.map(textOf));
    });
    const milliseconds = performance.now() - begun;
    return { columns, rows, rowCount, changes: (await this.#totalChanges(db)) - before, milliseconds };
  }

  async #totalChanges(db: number): Promise<number> {
    let total = 0;
    await this.sqlite.exec(db, 'SELECT total_changes()', ([value]) => {
      total = Number(value);
    });
    return total;
  }

  async fork(id: number, frozen: boolean): Promise<{ id: number; milliseconds: number }> {
    const { fs } = this.#get(id);
    const begun = performance.now();
    const copy = frozen ? fs.snapshot() : fs.fork();
    const milliseconds = performance.now() - begun;
    const made = await this.#add(`${frozen ? 'snapshot' : 'fork'} ${this.#last}`, copy);
    return { id: made.id, milliseconds };
  }

  async remove(id: number): Promise<void> {
    const { db, vfs, fs } = this.#get(id);
    this.#open.delete(id);
    await this.sqlite.close(db);
    vfs.destroy();
    fs.destroy();
  }

  list(): Branches {
    const list = [...this.#open.values()].map(({ id, name, fs }) => ({
      ...{ id, name, frozen: fs.frozen, bytes: fs.statSync(FILE).size },
      ownBytes: fs.stats().privateBytes,
    }));
    return { list, heldBytes: this.engine.memory.used };
  }

  pages(id: number): PageStates {
    const { fs } = this.#get(id);
    const bytes = fs.readFileSync(FILE) as Uint8Array<ArrayBuffer>;
    const total = bytes.length / PAGE_BYTES;
    const states = new Uint8Array(total);
    const sizes = new Uint16Array(total);
    const objects = new Uint32Array(total);
    const shared = this.#shared(id, total);
    const block = new Uint8Array(PAGE_BYTES);
    for (let n = 0; n < total; n++) {
      const page = bytes.subarray(n * PAGE_BYTES, (n + 1) * PAGE_BYTES);
      const { length } = this.#scratch.compressPage(page, block);
      const isFilled = length === PAGE_BYTES && page.every((byte, at) => byte === page[at % 8]);
      states[n] = STORED | (isFilled ? SAME : shared[n] ? MERGED : length === PAGE_BYTES ? HUGE : 0);
      sizes[n] = isFilled ? 0 : length;
      objects[n] = n + 1;
    }
    return { first: 0, total, states, sizes, objects };
  }

  /** For each page, whether another branch has it at the same place. */
  #shared(id: number, total: number): Uint8Array {
    const { fs } = this.#get(id);
    const shared = new Uint8Array(total);
    for (const other of this.#open.values()) {
      if (other.fs === fs) continue;
      const same = new Uint8Array(total).fill(1, 0, Math.floor(other.fs.statSync(FILE).size / PAGE_BYTES));
      for (const { path, ranges } of fs.diff(other.fs)) {
        for (const { offset, length } of path === FILE ? ranges : []) {
          same.fill(0, offset / PAGE_BYTES, Math.ceil((offset + length) / PAGE_BYTES));
        }
      }
      for (let n = 0; n < total; n++) shared[n]! |= same[n]!;
    }
    return shared;
  }
}

function textOf(value: SQLiteCompatibleType | null): string {
  if (value === null) return 'NULL';
  return value instanceof Uint8Array || Array.isArray(value) ? `${value.length} bytes` : String(value);
}
