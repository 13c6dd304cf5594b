/** What PGlite's users do with a database, on compressed pages: fork it open or closed, dump it, extend it, fill it up. */
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PGlite } from '@electric-sql/pglite';
import { hstore } from '@electric-sql/pglite/contrib/hstore';
import { Engine } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { createBase, DatabaseBase, forkDatabase, PageFilesystem, type Database } from '../../../integrations/pglite.js';

const TIMEOUT_MS = 600_000;
const extensions = { hstore };

let engine: Engine;
let base: DatabaseBase<typeof extensions>;

beforeAll(async () => {
  engine = await Engine.create();
  const migrate = (db: PGlite): Promise<unknown> =>
    db.exec(`
      create extension hstore;
      create table rows(id serial primary key, text text);
      insert into rows(text) select 'row ' || n from generate_series(1, 100) n;
      create unlogged table unlogged(id int);
      insert into unlogged values (1), (2)`);
  base = await createBase(migrate, { files: PageFs.createSync({ engine }), extensions });
}, TIMEOUT_MS);
afterAll(() => {
  base.destroy();
  engine.destroy();
});

function databaseTest(name: string, run: () => Promise<void>): void {
  test(name, run, TIMEOUT_MS);
}

async function count(db: PGlite, table = 'rows'): Promise<number> {
  return (await db.query<{ n: number }>(`select count(*)::int n from ${table}`)).rows[0].n;
}

async function filesOf(db: PGlite): Promise<PageFs> {
  await db.waitReady;
  return (db.fs as PageFilesystem).files;
}

databaseTest('forks have the extensions of the base, its unlogged tables, and a small cache', async () => {
  const db = await base.fork();
  expect((await db.query("select 'a=>1'::hstore -> 'a' as a")).rows).toEqual([{ a: '1' }]);
  expect(await count(db, 'unlogged')).toBe(2);
  expect((await db.query('show shared_buffers')).rows).toEqual([{ shared_buffers: '16MB' }]);
  await db.close();
  const own = await base.fork({ startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=1MB'] });
  expect((await own.query('show shared_buffers')).rows).toEqual([{ shared_buffers: '1MB' }]);
  await own.close();
});

databaseTest('closing a fork gives its memory back', async () => {
  const used = engine.memory.used;
  const db = await base.fork();
  await db.exec('insert into rows(text) select md5(n::text) from generate_series(1, 5000) n');
  const files = await filesOf(db);
  expect(engine.memory.used).toBeGreaterThan(used);
  await db.close();
  expect(() => files.existsSync('/')).toThrow('destroyed');
  expect(engine.memory.used).toBeLessThanOrEqual(used + 64 * 1024);
});

databaseTest('an open database is forked with what was committed', async () => {
  const db = await base.fork();
  await db.exec("insert into rows(text) values ('committed')");
  await db.exec("begin; insert into rows(text) values ('under way')");
  const fork = await forkDatabase(db, { extensions });
  expect(await count(fork)).toBe(101);
  expect(await count(fork, 'unlogged')).toBe(0); // as after a crash
  await db.exec('commit');
  await fork.exec('delete from rows');
  expect([await count(db), await count(fork)]).toEqual([102, 0]);
  const late = await forkDatabase(db, { extensions });
  await db.close();
  expect(await count(late)).toBe(102);
  expect((await late.query("select 'a=>1'::hstore -> 'a' as a")).rows).toEqual([{ a: '1' }]);
  await fork.close();
  await late.close();
});

databaseTest('a fork waits for a transaction, and has what it commits', async () => {
  const db = await base.fork();
  let forking: Promise<PGlite> | undefined;
  await db.transaction(async (tx) => {
    await tx.exec("insert into rows(text) values ('early')");
    forking = forkDatabase(db, { extensions });
    await setImmediate();
    await tx.exec("insert into rows(text) values ('late')");
  });
  const fork = await (forking as Promise<PGlite>);
  expect(await count(fork)).toBe(102);
  await db.close();
  await fork.close();
});

databaseTest('a role that may not make a checkpoint can be forked', async () => {
  const db = await base.fork();
  await db.exec('create role app; grant all on rows to app; grant usage on sequence rows_id_seq to app; set role app');
  await db.exec("insert into rows(text) values ('by app')");
  const fork = await forkDatabase(db, { extensions, username: 'app' });
  expect(await count(fork)).toBe(101);
  await db.close();
  await fork.close();
});

databaseTest('a fork is dumped, loaded and cloned as any database', async () => {
  const db = await base.fork({ relaxedDurability: true });
  await db.exec("insert into rows(text) values ('dumped')");
  const dump = await db.dumpDataDir('gzip');
  const clone = await db.clone();
  expect(await count(clone as PGlite)).toBe(101);
  await clone.close();
  await db.close();
  const loaded = await createBase(() => undefined, { loadDataDir: dump, extensions });
  const fork = await loaded.fork();
  expect(await count(fork)).toBe(101);
  await fork.close();
  loaded.destroy();
});

databaseTest('several databases are in one PageFs, each open once', async () => {
  const files = base.files.fork();
  files.mkdirSync('/one');
  for (const name of files.readdirSync('/')) if (name !== 'one') files.renameSync(`/${name}`, `/one/${name}`);
  const at = (directory: string): Promise<PGlite> =>
    PGlite.create({ fs: new PageFilesystem(files, { directory }), extensions });
  const db = await at('/one');
  await expect(at('/one')).rejects.toMatchObject({ code: 'EBUSY' });
  const fork = await forkDatabase(db, { extensions });
  await db.exec('drop table rows');
  expect(await count(fork)).toBe(100);
  await fork.close();
  await db.close();
  const again = await at('/one');
  await expect(count(again)).rejects.toThrow('does not exist');
  await again.close();
  files.destroy();
});

databaseTest('a database that does not open leaves nothing behind', async () => {
  const used = engine.memory.used;
  await expect(base.fork({ startParams: ['--single', '-c', 'no_such_setting=1'] })).rejects.toThrow();
  expect(engine.memory.used).toBeLessThanOrEqual(used + 64 * 1024);
});

databaseTest(
  'when memory ends the statement or the database stops, and neither its base nor its files are harmed',
  async () => {
    const full = await Engine.create({ maxMemory: '14M' });
    const files = PageFs.createSync({ engine: full });
    const origin = await createBase(() => undefined, { files, loadDataDir: await dumpOf(base), extensions });
    const db = await origin.fork();
    const other = await origin.fork();
    const fill = async (): Promise<void> => {
      for (let n = 0; n < 2000; n++) {
        await db.exec(
          "insert into rows(text) select string_agg(sha512((random()::text || i)::bytea)::text, '') " +
            'from generate_series(1, 4000) i group by i % 40',
        );
      }
    };
    await expect(fill()).rejects.toThrow(/PostgreSQL stopped|No space left on device/);
    await db.close();
    expect(await count(other)).toBe(100);
    await other.close();
    const again = await origin.fork();
    expect(await count(again)).toBe(100);
    await again.close();
    full.destroy();
  },
);

databaseTest('what copyToFS is given arrives, also as a part of a buffer', async () => {
  const db = await base.fork();
  const { PGDATA } = PGlite.paths;
  db.copyToFS(`${PGDATA}/note.txt`, Buffer.from('..a note..').subarray(2, 8));
  expect((await filesOf(db)).readFileSync('/note.txt', 'utf8')).toBe('a note');
  expect((await db.query("select pg_read_file('note.txt') note")).rows).toEqual([{ note: 'a note' }]);
  await db.close();
});

databaseTest('a base that cannot be made is gone, with files of ones own left to the caller', async () => {
  const files = base.files.fork();
  const failing = createBase(
    () => {
      throw new Error('a migration failed');
    },
    { files, extensions },
  );
  await expect(failing).rejects.toThrow('a migration failed');
  expect(files.existsSync('/PG_VERSION')).toBe(true);
  const db: Database = await new DatabaseBase(files).fork();
  expect(await count(db)).toBe(100);
  await db.close();
  files.destroy();
});

databaseTest('only what is in a PageFilesystem can be forked', async () => {
  const db = await PGlite.create({ loadDataDir: await dumpOf(base) });
  await expect(forkDatabase(db)).rejects.toMatchObject({ code: 'EINVAL' });
  await db.close();
});

async function dumpOf(from: DatabaseBase<typeof extensions>): Promise<Blob> {
  const db = await from.fork();
  const dump = await db.dumpDataDir('none');
  await db.close();
  return dump;
}
