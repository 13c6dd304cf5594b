/** Processor time of a program and all that it has started. Linux. */
import { readFileSync, readdirSync } from 'node:fs';

/** The fields behind the name, which may have spaces: the state is the first. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, parent, , , ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // user and system time are fields 14 and 15 of the whole line
    return { pid, parent: Number(parent), ticks: Number(rest[7]) + Number(rest[8]) };
  } catch {
    return undefined; // it has ended meanwhile
  }
}

/** Of what `ticksOf` counts. */
export const TICK_MS = 10;

export function ticksOf(pid) {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter(Boolean);
  const family = new Set([pid]);
  for (let size = 0; size < family.size;) {
    size = family.size;
    for (const each of all) if (family.has(each.parent)) family.add(each.pid);
  }
  return all.filter((each) => family.has(each.pid)).reduce((sum, { ticks }) => sum + ticks, 0);
}
