/** A database as an application has it after its migrations: 60 tables with indexes and some rows each. */

export const TABLES = 60;
const ROWS = 200;

/** Makes the tables in an open PGlite. */
export async function migrate(db) {
  for (let table = 0; table < TABLES; table++) {
    await db.exec(`
      create table t${table}(id serial primary key, name text not null, note text, at timestamptz default now());
      create index on t${table}(name);
      insert into t${table}(name, note)
        select 'name ' || n, repeat(md5((n * ${table + 1})::text), 4) from generate_series(1, ${ROWS}) n`);
  }
}

/** What each test does first: reads of two tables. Throws when the database is not as it was migrated. */
export async function firstQueries(db) {
  const { rows } = await db.query(
    `select (select count(*)::int from t${TABLES - 1}) count, (select name from t3 where id = 7) name`,
  );
  if (rows[0].count !== ROWS || rows[0].name !== 'name 7') throw new Error('the database does not hold its rows');
}
