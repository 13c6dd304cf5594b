/**
 * A program with a memory that is worth keeping: SQLite in WebAssembly, with a database in memory and work to do. Its
 * whole state is its linear memory, since no statement is open between two steps.
 */
import { Factory } from '@journeyapps/wa-sqlite';
import SQLiteESMFactory from '@journeyapps/wa-sqlite/dist/wa-sqlite.mjs';
import wasmUrl from '@journeyapps/wa-sqlite/dist/wa-sqlite.wasm?url';

const CITIES = [
  'Lisbon',
  'Kyoto',
  'Oslo',
  'Lima',
  'Nairobi',
  'Quito',
  'Tbilisi',
  'Hanoi',
  'Riga',
  'Perth',
  'Accra',
  'Turin',
];
const GIVEN = [
  'Ada',
  'Grace',
  'Edsger',
  'Barbara',
  'Alan',
  'Radia',
  'Donald',
  'Frances',
  'Ken',
  'Margaret',
  'Niklaus',
  'Hedy',
];
const GOODS = [
  'lamp',
  'kettle',
  'notebook',
  'chair',
  'cable',
  'mug',
  'atlas',
  'clock',
  'scarf',
  'drill',
  'tent',
  'violin',
];
const ROWS_PER_STEP = 400;
/** What the database begins with: so many times so many rows, some megabytes in all. */
const SEED_STEPS = 24;
const SEED_ROWS = 2000;
const ROWS_PER_CUSTOMER = 8;
const ROWS_ON_SALE = 300;
/** Those who buy are among the newest customers. */
const CUSTOMERS_ACTIVE = 200;
/** Every so many steps the oldest rows go, so that pages are freed and used again. */
const STEPS_PER_CLEANUP = 8;
const ROWS_KEPT = SEED_STEPS * SEED_ROWS;

const SCHEMA = `
  PRAGMA journal_mode = MEMORY;
  PRAGMA cache_size = 200;
  CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, joined INTEGER);
  CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer INTEGER, goods TEXT, price REAL, note TEXT, at INTEGER);
  CREATE INDEX purchase_customer ON purchase (customer);
  CREATE INDEX purchase_at ON purchase (at, price);
`;

/** A small generator of repeatable numbers (mulberry32): each program has work of its own. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** What Emscripten's module has besides what wa-sqlite's types tell. */
interface EmscriptenModule {
  readonly HEAPU8: Uint8Array<ArrayBuffer>;
}

export class SqliteProgram {
  readonly name: string;
  readonly #module: EmscriptenModule;
  readonly #sqlite: SQLiteAPI;
  readonly #database: number;
  readonly #random: (below: number) => number;
  #steps = 0;
  #time = 0;

  private constructor(name: string, module: EmscriptenModule, sqlite: SQLiteAPI, database: number, seed: number) {
    this.name = name;
    this.#module = module;
    this.#sqlite = sqlite;
    this.#database = database;
    this.#random = numbers(seed);
  }

  static async make(name: string, seed: number): Promise<SqliteProgram> {
    const module = (await SQLiteESMFactory({ locateFile: () => wasmUrl })) as EmscriptenModule;
    const sqlite = Factory(module);
    const database = await sqlite.open_v2(':memory:');
    const program = new SqliteProgram(name, module, sqlite, database, seed);
    await program.#exec(SCHEMA);
    for (let n = 0; n < SEED_STEPS; n++) await program.#insert(SEED_ROWS);
    return program;
  }

  /** The program's memory as it is now: a view, which ends when the memory grows. */
  get memory(): Uint8Array<ArrayBuffer> {
    return this.#module.HEAPU8;
  }

  rows(): Promise<number> {
    return this.#number('SELECT count(*) FROM purchase');
  }

  /** Some transactions and a query. Tells what it did. */
  async step(): Promise<string> {
    await this.#insert(ROWS_PER_STEP);
    // A sale: prices of purchases that lie together.
    const sale = this.#random(ROWS_KEPT);
    await this.#exec(
      `UPDATE purchase SET price = round(price * 0.9, 2)
       WHERE id BETWEEN (SELECT min(id) FROM purchase) + ${sale} AND (SELECT min(id) FROM purchase) + ${sale + ROWS_ON_SALE}`,
    );
    let work = `${ROWS_PER_STEP} purchases in, ${await this.#changes()} prices down`;
    if (++this.#steps % STEPS_PER_CLEANUP === 0) {
      await this.#exec(`DELETE FROM purchase WHERE id <= (SELECT max(id) FROM purchase) - ${ROWS_KEPT}`);
      work += `, ${await this.#changes()} old ones out`;
    }
    let best = '';
    const recent = 'SELECT goods FROM purchase WHERE at >= (SELECT max(at) FROM purchase) - 4';
    await this.#exec(`${recent} GROUP BY goods ORDER BY sum(price) DESC LIMIT 1`, ([goods]) => {
      best = String(goods);
    });
    return `${work}; best seller: ${best}`;
  }

  async #insert(rows: number): Promise<void> {
    this.#time++;
    const customers = [];
    const purchases = [];
    const known = await this.#number('SELECT count(*) FROM customer');
    for (let n = 0; n < rows; n++) {
      if (n % ROWS_PER_CUSTOMER === 0) {
        const name = `${this.#pick(GIVEN)} ${String.fromCharCode(65 + this.#random(26))}.`;
        customers.push(`('${name}', '${this.#pick(CITIES)}', ${this.#time})`);
      }
      const goods = this.#pick(GOODS);
      const note = this.#random(3) === 0 ? `${goods} no. ${this.#random(1e6)}, a present for ${this.#pick(GIVEN)}` : '';
      const customer = Math.max(1, known + customers.length - this.#random(CUSTOMERS_ACTIVE));
      purchases.push(`(${customer}, '${goods}', ${this.#random(20_000) / 100}, '${note}', ${this.#time})`);
    }
    await this.#exec(`
      BEGIN;
      INSERT INTO customer (name, city, joined) VALUES ${customers.join()};
      INSERT INTO purchase (customer, goods, price, note, at) VALUES ${purchases.join()};
      COMMIT;
    `);
  }

  /** Gives it a memory that it had. Memory never shrinks: what it has grown since becomes zeros. */
  restore(memory: Uint8Array): void {
    this.memory.set(memory);
    this.memory.fill(0, memory.length);
  }

  async destroy(): Promise<void> {
    await this.#sqlite.close(this.#database);
  }

  #pick(words: readonly string[]): string {
    return words[this.#random(words.length)]!;
  }

  #changes(): Promise<number> {
    return this.#number('SELECT changes()');
  }

  async #number(sql: string): Promise<number> {
    let result = 0;
    await this.#exec(sql, ([value]) => {
      result = Number(value);
    });
    return result;
  }

  async #exec(sql: string, onrow?: (row: (SQLiteCompatibleType | null)[]) => void): Promise<void> {
    await this.#sqlite.exec(this.#database, sql, onrow);
  }
}
