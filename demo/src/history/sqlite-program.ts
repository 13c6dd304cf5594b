/**
 * A program with a memory that is worth keeping: SQLite in WebAssembly, with a database in memory and work to do. Its
 * whole state is its linear memory, since no statement is open between two steps.
 */
import sqlite3InitModule, { type Database, type Sqlite3Static } from '@sqlite.org/sqlite-wasm';

const CITIES = ['Lisbon', 'Kyoto', 'Oslo', 'Lima', 'Nairobi', 'Quito', 'Tbilisi', 'Hanoi', 'Riga', 'Perth', 'Accra', 'Turin'];
const GIVEN = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Alan', 'Radia', 'Donald', 'Frances', 'Ken', 'Margaret', 'Niklaus', 'Hedy'];
const GOODS = ['lamp', 'kettle', 'notebook', 'chair', 'cable', 'mug', 'atlas', 'clock', 'scarf', 'drill', 'tent', 'violin'];
const ROWS_PER_STEP = 400;
/** Every so many steps the oldest rows go, so that pages are freed and used again. */
const STEPS_PER_CLEANUP = 8;
const ROWS_KEPT = 12_000;

const SCHEMA = `
  PRAGMA journal_mode = MEMORY;
  PRAGMA cache_size = 200;
  CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, joined INTEGER);
  CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer INTEGER, goods TEXT, price REAL, note TEXT, at INTEGER);
  CREATE INDEX purchase_customer ON purchase (customer);
  CREATE INDEX purchase_goods ON purchase (goods, price);
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

/** The module's own warnings concern file systems of the browser that are not used here. */
const QUIET = { warn: () => undefined, debug: () => undefined, log: () => undefined };

export class SqliteProgram {
  readonly name: string;
  readonly #sqlite: Sqlite3Static;
  readonly #database: Database;
  readonly #random: (below: number) => number;
  #steps = 0;

  private constructor(name: string, sqlite: Sqlite3Static, seed: number) {
    this.name = name;
    this.#sqlite = sqlite;
    this.#random = numbers(seed);
    this.#database = new sqlite.oo1.DB(':memory:');
    this.#database.exec(SCHEMA);
  }

  static async make(name: string, seed: number): Promise<SqliteProgram> {
    Object.assign(globalThis, { sqlite3ApiConfig: QUIET });
    return new SqliteProgram(name, await sqlite3InitModule(), seed);
  }

  /** The program's memory as it is now: a view, which ends when the memory grows. */
  get memory(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#sqlite.wasm.memory.buffer as ArrayBuffer);
  }

  get rows(): number {
    return this.#database.selectValue('SELECT count(*) FROM purchase') as number;
  }

  /** Some transactions and a query. Tells what it did. */
  step(): string {
    const database = this.#database;
    database.transaction(() => this.#insert());
    const city = CITIES[this.#random(CITIES.length)]!;
    database.exec(
      `UPDATE purchase SET price = round(price * 1.05, 2) WHERE customer IN (SELECT id FROM customer WHERE city = ?) AND id % 16 = ?`,
      { bind: [city, this.#random(16)] },
    );
    let work = `${ROWS_PER_STEP} purchases in, prices of ${city} up ${database.changes()} times`;
    if (++this.#steps % STEPS_PER_CLEANUP === 0) {
      database.exec('DELETE FROM purchase WHERE id <= (SELECT max(id) FROM purchase) - ?', { bind: [ROWS_KEPT] });
      work += `, ${database.changes()} old ones out`;
    }
    const best = database.selectValue('SELECT goods FROM purchase GROUP BY goods ORDER BY sum(price) DESC LIMIT 1');
    return `${work}; best seller: ${String(best)}`;
  }

  #insert(): void {
    const random = this.#random;
    const customers = this.#database.selectValue('SELECT count(*) FROM customer') as number;
    const customer = this.#database.prepare('INSERT INTO customer (name, city, joined) VALUES (?, ?, ?)');
    const purchase = this.#database.prepare(
      'INSERT INTO purchase (customer, goods, price, note, at) VALUES (?, ?, ?, ?, ?)',
    );
    try {
      for (let n = 0; n < ROWS_PER_STEP; n++) {
        if (n % 8 === 0) {
          const name = `${GIVEN[random(GIVEN.length)]!} ${String.fromCharCode(65 + random(26))}.`;
          customer.bind([name, CITIES[random(CITIES.length)]!, this.#steps]).stepReset();
        }
        const goods = GOODS[random(GOODS.length)]!;
        const note = random(3) === 0 ? `${goods} no. ${random(1e6)}, as a present for ${GIVEN[random(GIVEN.length)]!}` : '';
        purchase.bind([1 + random(customers + n / 8), goods, random(20_000) / 100, note, this.#steps]).stepReset();
      }
    } finally {
      customer.finalize();
      purchase.finalize();
    }
  }

  /** Gives it a memory that it had. Memory never shrinks: what it has grown since becomes zeros. */
  restore(memory: Uint8Array): void {
    this.memory.set(memory);
    this.memory.fill(0, memory.length);
  }

  destroy(): void {
    this.#database.close();
  }
}
