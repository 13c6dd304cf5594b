/** The package as people get it: packed, and installed without a network in an empty folder outside of the repository. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const root = fileURLToPath(new URL('../..', import.meta.url));
const consumer = fileURLToPath(new URL('consumer', import.meta.url));

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with a package.json and `zram-wasm` in its node_modules, and what is in consumer/. */
export class Installed {
  private constructor(readonly folder: string) {}

  static async make(): Promise<Installed> {
    const installed = new Installed(await mkdtemp(join(tmpdir(), 'zram-wasm-consumer-')));
    const { folder } = installed;
    const pack = "import { npmPack } from './scripts/npm-pack.mjs'; console.log(npmPack(process.argv[1]).filename)";
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', pack, folder], { cwd: root });
    await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }\n');
    await cp(consumer, folder, { recursive: true });
    await installed.npm('install', '--offline', '--ignore-scripts', `./${stdout.trim()}`);
    return installed;
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** Runs Node in the folder. Rejects with all it printed when it fails. */
  node(...args: readonly string[]): Promise<Output> {
    return run(process.execPath, args, { cwd: this.folder, env: environment() });
  }

  /** Runs npm in the folder. */
  npm(...args: readonly string[]): Promise<Output> {
    const npm = process.env['npm_execpath'];
    if (npm?.endsWith('.js')) return this.node(npm, ...args);
    return run('npm', args, { cwd: this.folder, env: environment() });
  }

  /** Runs a script of one of the repository's tools in the folder. */
  tool(script: string, ...args: readonly string[]): Promise<Output> {
    return this.node(join(root, 'node_modules', script), ...args);
  }

  /** Runs a module in the folder and gives what it printed as JSON. */
  async evaluate(name: string, code: string): Promise<unknown> {
    await writeFile(this.path(name), code);
    return JSON.parse((await this.node(name)).stdout);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

/** Ours without what npm and jest put there: the settings of this repository, which are no consumer's. */
export function environment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !/^(?:npm_|NODE_OPTIONS$|NODE_ENV$|JEST_)/.test(name));
  return Object.fromEntries(entries);
}
