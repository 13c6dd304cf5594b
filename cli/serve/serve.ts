/** `serve`: exports images, packs and empty disks by NBD until a signal, and saves them then. */
import type { Server } from 'node:net';

import { Engine, ZramError } from '../../bindings/index.js';
import { createServer, type NbdServer } from '../../integrations/nbd.js';
import { lineOf } from '../algorithm-line.js';
import { chooseAlgorithms } from '../algorithms.js';
import { reasonOf, UsageError } from '../errors.js';
import type { Report, Surroundings } from '../surroundings.js';
import { version } from '../version.js';
import type { ServeOptions } from './arguments.js';
import { holdReserve, perform, type Running } from './commands.js';
import { Control } from './control.js';
import type { Ending } from './ending.js';
import { saveAtLast } from './last-save.js';
import { Merging } from './merging.js';
import { listenOn, preparePlace, uriOf, warningOf, type Resolved } from './place.js';
import { announcement, endReport } from './reports.js';
import { Reserve } from './reserve.js';
import { Saving, saveTarget, type Saved } from './saving.js';
import { findSources, loadExports } from './sources.js';
import { Meter } from './statistics.js';
import { readTls } from './tls.js';
import { freeSocketPath, listenPrivately } from './unix-socket.js';

/**
 * Serves until `ending` says so. What can be wrong with files, sockets and names is found before anything is loaded;
 * clients are let in when all is loaded.
 * @throws CliError, UsageError
 */
export async function serve(options: ServeOptions, ending: Ending, io: Surroundings): Promise<Report> {
  const sources = await findSources(options.images);
  const target =
    options.save === undefined ? undefined : await saveTarget(options.save, options.force, sources, io.remark);
  const tls = options.tls === undefined ? undefined : await readTls(options.tls);
  if (options.control !== undefined) await freeSocketPath(options.control);
  const place = await preparePlace(options.place);
  const warning = warningOf(place, options.tls);
  if (warning !== undefined) io.remark(warning);

  const engine = await makeEngine(options, io);
  try {
    await chooseAlgorithms(engine, [lineOf(options.algorithm)]);
    // Before it says that memory has run out, the pool merges and compacts.
    const pool = engine.createPool({ shrinker: true });
    const exports = await loadExports(engine, pool, sources, options, io);
    const reserve = new Reserve(engine);
    const server = createServer(exports.map, { tls });
    const serving = new Serving(options, place, server, io, {
      exports,
      server,
      reserve,
      saving: target === undefined ? undefined : new Saving(target, exports, reserve, io.remark),
      meter: new Meter(engine, pool, version()),
      merging: new Merging(pool),
    });
    return await serving.run(ending);
  } finally {
    engine.destroy();
  }
}

async function makeEngine({ memory }: ServeOptions, io: Surroundings): Promise<Engine> {
  try {
    return await Engine.create({ maxMemory: memory ?? io.maxMemory });
  } catch (error) {
    if (memory === undefined || !(error instanceof ZramError)) throw error;
    throw new UsageError(`--memory: ${error.message.replace(/^E[A-Z]+: |\.$/g, '')}`);
  }
}

class Serving {
  readonly #running: Running;
  readonly #control: Control | undefined;
  #isEnding = false;

  constructor(
    readonly options: ServeOptions,
    readonly place: Resolved,
    readonly server: NbdServer,
    readonly io: Surroundings,
    parts: Omit<Running, 'uriOf' | 'isEnding'>,
  ) {
    this.#running = { ...parts, uriOf: (name) => this.#uriOf(name), isEnding: () => this.#isEnding };
    if (options.control !== undefined) this.#control = new Control((request) => perform(request, this.#running));
  }

  async run(ending: Ending): Promise<Report> {
    if (!holdReserve(this.#running)) throw new UsageError('--memory is too small for what is served');
    ending.start();
    try {
      await this.#listen();
      this.io.announce(this.#announcement());
      const signal = await ending.asked;
      this.#stopServing();
      const saved = await this.#saveAtLast(signal);
      return endReport(signal, saved);
    } finally {
      this.#stopServing();
      this.#control?.close();
      this.#running.merging.stop();
      ending.stop();
    }
  }

  async #listen(): Promise<void> {
    const { control } = this.options;
    if (this.#control !== undefined && control !== undefined) {
      await listenPrivately(this.#control.server, control);
      this.#tellErrorsOf(this.#control.server);
    }
    await listenOn(this.server, this.place);
    this.#tellErrorsOf(this.server);
  }

  /** Of a client that could not be accepted, as too many files are open. */
  #tellErrorsOf(server: Server): void {
    server.on('error', (error) => this.io.remark(`cannot accept a client: ${reasonOf(error)}`));
  }

  /** No client can change anything from now on. */
  #stopServing(): void {
    this.#isEnding = true;
    this.server.close();
    this.server.closeAllConnections();
  }

  async #saveAtLast(signal: string): Promise<Saved | undefined> {
    const { saving } = this.#running;
    if (saving === undefined) return undefined;
    this.io.progress(() => `${signal}: saving to ${saving.target.file}`);
    return saveAtLast(() => saving.save(), this.io.remark);
  }

  #uriOf(name: string): string {
    const address = this.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return uriOf(this.place, port, name, this.options.tls !== undefined);
  }

  #announcement(): Report {
    const { control, save, tls } = this.options;
    const exports = [...this.#running.exports.map].map(([name, { size, readOnly, from }]) => ({
      name,
      size,
      readOnly,
      from: from ?? null,
      uri: this.#uriOf(name),
    }));
    return announcement({
      pid: process.pid,
      exports,
      control: control ?? null,
      save: save ?? null,
      tls: tls !== undefined,
    });
  }
}
