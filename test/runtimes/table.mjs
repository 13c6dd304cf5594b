/** The matrix as a table: a line for each check, a column for each runtime. */
export function printTable(versions, rows) {
  const names = Object.keys(versions);
  for (const [n, name] of names.entries()) console.log(`${n + 1}  ${name}: ${versions[name]}`);
  const checks = [...new Set(rows.map(({ check }) => check))];
  const width = Math.max(...checks.map(({ length }) => length), 0);
  console.log(`${' '.repeat(width)}  ${names.map((_, n) => String(n + 1).padStart(2)).join(' ')}`);
  for (const check of checks) {
    const cells = names.map((name) => {
      const row = rows.find((each) => each.check === check && each.runtime === name);
      return ` ${row ? (row.error ? 'X' : '+') : '-'}`;
    });
    console.log(`${check.padEnd(width)}  ${cells.join(' ')}`);
  }
  console.log('+ passed, X failed, - not there');
}
