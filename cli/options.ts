/** The options of all commands, as Node.js parses them. */
import { parseArgs } from 'node:util';

const OPTIONS = {
  pid: { type: 'string', multiple: true },
  zram: { type: 'string' },
  algorithm: { type: 'string', multiple: true },
  kernel: { type: 'string' },
  dedup: { type: 'boolean' },
  threads: { type: 'string' },
  html: { type: 'string' },
  format: { type: 'string' },
  at: { type: 'string', multiple: true },
  memory: { type: 'boolean' },
  output: { type: 'string', short: 'o' },
  force: { type: 'boolean' },
  size: { type: 'string' },
  unix: { type: 'string' },
  port: { type: 'string' },
  host: { type: 'string' },
  export: { type: 'string', multiple: true },
  save: { type: 'string' },
  'read-only': { type: 'boolean' },
  control: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'tls-ca': { type: 'string' },
  prometheus: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

type Parsed = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>;

export type Values = Omit<Parsed['values'], 'memory'> & {
  /** A switch of `pack`, and a size of `serve`. */
  memory?: boolean | string;
};

/** @throws Error of Node.js, for an unknown option or one without its argument */
export function parseOptions(args: readonly string[]): { values: Values; positionals: string[] } {
  const [command] = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: false }).positionals;
  const options = command === 'serve' ? { ...OPTIONS, memory: { type: 'string' } as const } : OPTIONS;
  return parseArgs({ args: [...args], options, allowPositionals: true });
}
