/**
 * A client. Everything that has arrived is served at once, its replies leave together, and nothing more is read while
 * they wait: a request costs no timer, no promise and no array of its own.
 */
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { Buffers } from './buffers.js';
import type { NbdExports } from './exports.js';
import { Handshake, type Step } from './handshake.js';
import { Input } from './input.js';
import { Output } from './output.js';
import type { Receiving } from './receiving.js';
import { secure } from './secure.js';
import { Transmission } from './transmission.js';

/** Bytes that may still come when nothing is read any more: what a client had sent by then. Who goes on is cut off. */
const LATE_BYTES_MAX = 32 * 2 ** 20;

export interface ConnectionOptions {
  readonly exports: NbdExports;
  readonly buffers: Buffers;
  readonly receiving: Receiving;
  readonly tls: { readonly options: TlsOptions; readonly demanded: boolean } | undefined;
  /** Until a client has chosen an export. */
  readonly handshakeMilliseconds: number;
}

export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #timer: NodeJS.Timeout;
  #stream: Duplex;
  #input: Input;
  #output: Output;
  #phase: Handshake | Transmission;
  #running = false;
  #ended = false;
  /** Bytes that came after the end. */
  #late = 0;
  #paused = false;
  /** The client has sent all it will: it gets the replies to that. */
  #inputEnded = false;
  /** TLS is being agreed on: nothing is read here. */
  #securing = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.setNoDelay(true);
    this.#timer = setTimeout(() => this.destroy(), options.handshakeMilliseconds);
    this.#timer.unref();
    const { tls } = options;
    [this.#stream, this.#input, this.#output] = this.#attach(socket);
    this.#phase = new Handshake(this.#input, this.#output, {
      exports: options.exports,
      tls: tls === undefined ? 'none' : tls.demanded ? 'demanded' : 'offered',
      resumed: undefined,
    });
    this.#run();
  }

  /** The name of the export that the client has chosen, while it is connected. */
  get exportName(): string | undefined {
    return this.#ended || !(this.#phase instanceof Transmission) ? undefined : this.#phase.exportName;
  }

  /** Ends it at once. Requests that came whole were served; of the others nothing but whole pages is written. */
  destroy(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#output.drop();
    this.#stream.destroy();
    this.#socket.destroy();
  }

  #attach(stream: Duplex): [Duplex, Input, Output] {
    const input = new Input();
    // In a later turn: a client that reads as fast as it is answered would keep all others waiting.
    const output = new Output(stream, this.#options.buffers, () => setImmediate(() => this.#run()));
    this.#options.receiving.from(stream, (piece, bytes, lent) => {
      if (this.#ended) {
        this.#comesLate(bytes);
        return;
      }
      input.push(piece, bytes);
      this.#run();
      if (lent) input.keep();
    });
    // What it was is the client's affair; a connection that broke is over.
    stream.on('error', () => this.destroy());
    stream.on('end', () => {
      this.#inputEnded = true;
      this.#run();
    });
    stream.on('close', () => this.destroy());
    return [stream, input, output];
  }

  #run(): void {
    if (this.#running || this.#ended || this.#securing) return;
    this.#running = true;
    try {
      this.#serve();
    } finally {
      this.#running = false;
    }
  }

  #serve(): void {
    let step: Step;
    do {
      step = this.#phase.step();
      if (step === 'transmission') step = this.#transmit();
    } while (step === 'again');
    this.#output.flush();
    this.#pause(step !== 'more');
    if (step === 'end' || (step === 'more' && this.#inputEnded)) this.#end();
    else if (step === 'tls') this.#startTls();
    else if (step === 'pause') setImmediate(() => this.#run());
  }

  #pause(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (paused) this.#stream.pause();
    else this.#stream.resume();
  }

  #transmit(): Step {
    const { agreement } = this.#phase as Handshake;
    if (agreement === undefined) throw new Error('the handshake ended without an export');
    clearTimeout(this.#timer);
    this.#phase = new Transmission(this.#input, this.#output, agreement);
    return 'again';
  }

  /** No more is read; what was answered is sent. */
  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#input.clear();
    this.#output.flush();
    this.#stream.end();
    this.#stream.resume(); // so that the client's end is seen
    // A client that never closes its side is not waited for.
    this.#socket.setTimeout(this.#options.handshakeMilliseconds, () => this.destroy());
  }

  /** Something came after the end. */
  #comesLate(bytes: number): void {
    this.#late += bytes;
    if (this.#late <= LATE_BYTES_MAX) return;
    this.#stream.pause();
    if (this.#stream.writableFinished) this.destroy();
    else this.#stream.once('finish', () => this.destroy()); // the last replies are on their way
  }

  #startTls(): void {
    const { tls, exports } = this.#options;
    const { noZeroes } = this.#phase as Handshake;
    if (tls === undefined) throw new Error('TLS was agreed on without a certificate');
    const socket = this.#socket;
    this.#securing = true;
    socket.removeAllListeners('data');
    socket.removeAllListeners('end');
    // Behind all that is to be sent without TLS.
    socket.write('', () => {
      if (this.#ended) return;
      secure(socket, tls.options, (stream) => {
        if (this.#ended) return;
        [this.#stream, this.#input, this.#output] = this.#attach(stream);
        this.#phase = new Handshake(this.#input, this.#output, { exports, tls: 'none', resumed: { noZeroes } });
        this.#paused = this.#securing = false;
        this.#run();
      });
    });
  }
}
