// A Postgres for each test: one database is migrated, and every test gets a fork of it.
//
// The tests change what the others read; each sees the base as it was. Needs @electric-sql/pglite.
//
//   node examples/databases.mjs
import assert from 'node:assert/strict';
import { Engine } from 'zram-wasm';
import { PageFs } from 'zram-wasm/fs';
import { createBase, DatabaseBase, forkDatabase } from 'zram-wasm/pglite';

const engine = Engine.createSync();
const base = await createBase(
  (db) =>
    db.exec(`
      create table users(id serial primary key, name text unique not null);
      create table orders(id serial primary key, buyer int not null references users, cents int not null);
      insert into users(name) select 'user ' || n from generate_series(1, 1000) n;
      insert into orders(buyer, cents) select 1 + n % 1000, n from generate_series(1, 10000) n`),
  { files: PageFs.createSync({ engine }) },
);
const sizeOf = (files) =>
  files.readdirSync('/', { recursive: true }).reduce((sum, name) => sum + files.statSync(`/${name}`).blocks * 512, 0);
console.log(`${sizeOf(base.files)} bytes of files are held in ${engine.memory.used} bytes`);

const numberOf = async (db, table) => (await db.query(`select count(*)::int n from ${table}`)).rows[0].n;

const tests = {
  'a user is added': async (db) => {
    await db.exec("insert into users(name) values ('one more')");
    assert.equal(await numberOf(db, 'users'), 1001);
  },
  'all orders are removed': async (db) => {
    await db.exec('truncate orders; delete from users where id > 10');
    assert.deepEqual([await numberOf(db, 'users'), await numberOf(db, 'orders')], [10, 0]);
  },
  'a migration is tried, and again from where it was': async (db) => {
    await db.exec('alter table orders add column paid boolean not null default false');
    const before = await forkDatabase(db);
    await db.exec('drop table orders');
    assert.equal(await numberOf(before, 'orders'), 10_000);
    await before.close();
  },
};

for (const [name, run] of Object.entries(tests)) {
  const used = engine.memory.used;
  const db = await base.fork();
  assert.deepEqual([await numberOf(db, 'users'), await numberOf(db, 'orders')], [1000, 10_000]);
  await run(db);
  console.log(`${name}: its fork held ${engine.memory.used - used} bytes`);
  await db.close();
  assert.ok(engine.memory.used <= used + 65536, 'a closed fork gives back what it held');
}

// Kept for the next run, which needs no migration: compressed as it is, in one file with what forks share.
const parts = [];
await base.files.save({ write: (part) => void parts.push(part) });
base.destroy();
const kept = new DatabaseBase(await PageFs.load(new Blob(parts), { engine }));
const db = await kept.fork();
assert.deepEqual([await numberOf(db, 'users'), await numberOf(db, 'orders')], [1000, 10_000]);
await db.close();
kept.destroy();
console.log('each test had the database as it was migrated');
