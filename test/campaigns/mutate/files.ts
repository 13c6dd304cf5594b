import { readdirSync } from 'node:fs';
import path from 'node:path';

/** The TypeScript files that these names are of: files themselves, or folders with all that is below them. */
export function filesOf(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    if (name.endsWith('.ts')) return [name];
    const below = readdirSync(name, { recursive: true, encoding: 'utf8' });
    return below.filter((file) => file.endsWith('.ts')).map((file) => path.join(name, file));
  });
}
