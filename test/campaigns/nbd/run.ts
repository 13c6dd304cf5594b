/** Holds mutated conversations with a server, and checks what must hold for whoever else it serves. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Engine, type Zram } from '../../../bindings/index.js';
import { createServer, type NbdServer } from '../../../integrations/nbd.js';
import { Random } from '../../support/random.js';
import { BIG_BYTES, conversationOf, DISK_BYTES, NAMES, type Conversation } from './conversation.js';
import { ModelDisk } from './disk.js';
import { expectedOf, follow, type Expected } from './model.js';
import { Pipe } from './pipe.js';
import { checkReplies } from './replies.js';
import { Watcher } from './watcher.js';

/** Turns of the event loop in which a server must have answered and ended all. */
const TURNS_MAX = 20_000;
/** Clients that do not read and are still there. */
const SILENT_MAX = 8;
const SOCKET_MILLISECONDS = 60_000;
/** What memory and handles may differ by between two looks: others in this process have some. What leaks grows beyond. */
const GROWTH_BYTES_MAX = 16 * 2 ** 20;
const HANDLES_MAX = 8;
const ENGINE_GROWTH_BYTES_MAX = 512 * 1024;

export type NbdTally = Record<string, number>;

const turn = (): Promise<void> => new Promise(setImmediate);

export class NbdRunner {
  readonly tally: NbdTally = { conversations: 0, answers: 0, opened: 0, 'cut off': 0, sockets: 0, 'most turns': 0 };
  readonly #engine = Engine.createSync();
  readonly #devices = new Map<string, Zram>();
  readonly #models = new Map<string, ModelDisk>();
  readonly #spare = new Map<string, ModelDisk>();
  readonly #server: NbdServer;
  readonly #socket = path.join(tmpdir(), `zram-nbd-campaign-${process.pid}`);
  readonly #silent: Pipe[] = [];
  #watcher: Watcher | undefined;
  #baseline: Record<string, number> | undefined;
  readonly #actual = new Map<string, Buffer>();

  constructor() {
    for (const name of Object.values(NAMES)) {
      const size = name === NAMES.big ? BIG_BYTES : DISK_BYTES;
      this.#devices.set(name, this.#engine.createZram({ disksize: size }));
      this.#models.set(name, new ModelDisk(size, name === NAMES.readOnly));
      this.#actual.set(name, Buffer.alloc(size));
      this.#spare.set(name, new ModelDisk(size, name === NAMES.readOnly));
    }
    const content = new Random(2, 'ro').fill(Buffer.alloc(5000)) as Buffer;
    this.#device(NAMES.readOnly).write(9000, content);
    this.#model(NAMES.readOnly).write(9000, content);
    const exports = [...this.#devices].map(
      ([name, device]) => [name, { device, readOnly: name === NAMES.readOnly }] as const,
    );
    this.#server = createServer(new Map(exports));
  }

  async start(): Promise<void> {
    rmSync(this.#socket, { force: true });
    this.#server.listen(this.#socket);
    await once(this.#server, 'listening');
    this.#watcher = await Watcher.open(this.#server, NAMES.other);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
    this.#engine.destroy();
  }

  #device(name: string): Zram {
    return this.#devices.get(name) as Zram;
  }

  #model(name: string): ModelDisk {
    return this.#models.get(name) as ModelDisk;
  }

  /**
   * Holds the conversations of some seeds.
   * @param socketsEvery every how many conversations go through the kernel; 0: none
   * @throws Error with the seed, if something is wrong
   */
  async run(first: number, end: number, socketsEvery: number): Promise<void> {
    for (let seed = first; seed < end; seed++) {
      try {
        const conversation = conversationOf(seed);
        const expected = expectedOf(conversation.sent, this.#models, this.#copyOf);
        if (socketsEvery > 0 && seed % socketsEvery === 0) await this.#overSocket(conversation, expected);
        else await this.#overPipe(conversation, expected);
        this.#count(expected);
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    }
  }

  #count(expected: Expected): void {
    this.tally.conversations++;
    this.tally.answers += expected.answers.length;
    if (expected.opened) this.tally.opened++;
    if (expected.ended) this.tally['cut off']++;
  }

  async #overPipe({ pieces, pace, end, turns }: Conversation, expected: Expected): Promise<void> {
    const pipe = new Pipe(pace);
    this.#server.emit('connection', pipe);
    for (const piece of pieces) {
      pipe.send(piece);
      for (let n = turns; n > 0; n--) await turn();
    }
    if (end === 'half') {
      pipe.send(null);
      await this.#until(() => pipe.closed);
      this.#checkEnd(Buffer.concat(pipe.received), expected);
      return;
    }
    for (let n = 0; n < 3; n++) await turn();
    // Whatever this client does, another one is served.
    if (expected.opened?.name !== NAMES.other) await this.#check();
    checkReplies(Buffer.concat(pipe.received), expected);
    if (pace === 'never' && expected.effects.length === 0 && expected.partial === undefined) {
      this.#silent.push(pipe);
      if (expected.opened) this.#spare.set(expected.opened.name, expected.opened.disk);
      if (this.#silent.length > SILENT_MAX) this.#silent.shift()?.destroy();
      return;
    }
    pipe.destroy();
    await this.#until(() => pipe.closed);
    this.#checkBroken(expected);
  }

  async #overSocket({ pieces, pace, end, turns }: Conversation, expected: Expected): Promise<void> {
    this.tally.sockets++;
    const socket = connect({ path: this.#socket, allowHalfOpen: true });
    socket.on('error', () => undefined);
    const received: Buffer[] = [];
    if (pace !== 'never') socket.on('data', (bytes: Buffer) => received.push(bytes));
    const closed = new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the connection does not end')), SOCKET_MILLISECONDS);
      socket.on('close', () => {
        clearTimeout(late);
        resolve();
      });
    });
    await once(socket, 'connect');
    for (const piece of pieces) {
      socket.write(piece);
      for (let n = turns; n > 0; n--) await turn();
    }
    if (end === 'half') socket.end();
    else {
      await turn();
      if (expected.opened?.name !== NAMES.other) await this.#check();
      socket.destroy();
    }
    await closed;
    // The server is told of it later than this end.
    const gone = (): Promise<number> =>
      new Promise((resolve) => this.#server.getConnections((_, count) => resolve(count)));
    for (let n = 0; (await gone()) > 0; n++) {
      if (n > TURNS_MAX) throw new Error('the server keeps a connection that is over');
      await turn();
    }
    const all = checkReplies(Buffer.concat(received), expected);
    // Who is cut off while he sends may lose replies: the kernel throws away what he has not read.
    if (end === 'half' && !expected.ended && !all) throw new Error('not all was answered');
    if (end === 'half') this.#checkDisk(expected);
    else this.#checkBroken(expected);
  }

  async #until(done: () => boolean): Promise<void> {
    let turns = 0;
    while (!done()) {
      if (turns++ > TURNS_MAX) throw new Error('the server has not ended the connection');
      await turn();
    }
    this.tally['most turns'] = Math.max(this.tally['most turns'], turns);
  }

  async #check(): Promise<void> {
    await this.#watcher?.check(this.#model(NAMES.other), TURNS_MAX);
  }

  #content(name: string): Buffer {
    const out = this.#actual.get(name) as Buffer;
    this.#device(name).readPages(0, out.length / 4096, out);
    return out;
  }

  #checkEnd(received: Buffer, expected: Expected): void {
    if (!checkReplies(received, expected)) throw new Error('not all was answered');
    this.#checkDisk(expected);
  }

  /** All was sent and read. */
  #checkDisk({ opened, partial }: Expected): void {
    if (opened === undefined) return;
    const { name, disk } = opened;
    if (!follow(disk, partial ? [partial] : [], this.#content(name))) throw new Error('the disk holds something else');
    if (partial !== undefined) this.#lookAtPages(name, disk);
    this.#replace(name, disk);
  }

  /** What is stored does not always show in the bytes. */
  #lookAtPages(name: string, { stored }: ModelDisk): void {
    for (let page = 0; page < stored.length; page++)
      stored[page] = this.#device(name).blockState(page) === undefined ? 0 : 1;
  }

  #replace(name: string, disk: ModelDisk): void {
    this.#spare.set(name, this.#model(name));
    this.#models.set(name, disk);
  }

  /** A copy of a model, in the memory of one that is not used any more. */
  readonly #copyOf = (name: string): ModelDisk => {
    const copy = this.#spare.get(name) ?? this.#model(name).copy();
    this.#spare.delete(name);
    copy.take(this.#model(name));
    return copy;
  };

  /** The connection broke: some of the requests were served. */
  #checkBroken({ opened, effects, partial }: Expected): void {
    if (opened === undefined) return;
    const { name, disk } = opened;
    const content = this.#content(name);
    if (!disk.bytes.equals(content)) {
      disk.take(this.#model(name));
      if (!follow(disk, partial ? [...effects, partial] : effects, content))
        throw new Error('the disk holds what no part of the requests leaves');
    }
    this.#lookAtPages(name, disk);
    this.#replace(name, disk);
  }

  /**
   * Looks at what is held when nobody is there any more.
   * @throws Error it is more than at the first look
   */
  async checkMemory(): Promise<Record<string, number>> {
    for (const pipe of this.#silent.splice(0)) pipe.destroy();
    for (let n = 0; n < 10; n++) await turn();
    for (const name of [NAMES.disk, NAMES.other, NAMES.big]) {
      const model = this.#model(name);
      this.#device(name).discard(0, model.size);
      model.discard(0, model.size);
    }
    collect();
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    const handles = process.getActiveResourcesInfo().length;
    const held = { arrayBuffers, heapUsed, engine: this.#engine.memory.used, handles };
    this.#baseline ??= held;
    const most = {
      arrayBuffers: GROWTH_BYTES_MAX,
      heapUsed: GROWTH_BYTES_MAX,
      engine: ENGINE_GROWTH_BYTES_MAX,
      handles: HANDLES_MAX,
    };
    for (const [what, bytes] of Object.entries(most)) {
      const [before, now] = [this.#baseline[what], held[what as keyof typeof held]];
      if (now - before > bytes) throw new Error(`${what} grew from ${before} to ${now}`);
    }
    return held;
  }
}

function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  for (let n = 0; n < 3; n++) gc();
}
