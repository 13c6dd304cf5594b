/**
 * The first part of a connection: server and client agree on an export, in fixed newstyle. Every option gets an answer;
 * a client that does not know when to stop is cut off.
 */
import { namesOf, openExport, type NbdExports, type OpenExport } from './exports.js';
import { Fields, Malformed } from './fields.js';
import type { Input } from './input.js';
import type { Output } from './output.js';
import {
  BASE_ALLOCATION,
  BASE_ALLOCATION_ID,
  FIXED_NEWSTYLE,
  Info,
  INIT_MAGIC,
  NO_ZEROES,
  Option,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  OptionReply,
  PAYLOAD_MAX,
  STRING_MAX,
} from './protocol.js';

const OPTION_HEADER_BYTES = 16;
const REPLY_HEADER_BYTES = 20;
/** Longest option that is understood: a name, and more requests and queries than anybody sends. */
const OPTION_BYTES_MAX = 64 * 1024;
/** A client that asks for more is not on its way to anything, */
const OPTIONS_MAX = 1000;
/** unless it looks at each export: clients that list them ask for sizes, contexts and more. */
const OPTIONS_OF_EXPORT = 4;
/** Longest answer to an option, but for a list of names: sizes, flags, a name, a sentence. */
const ANSWER_BYTES_MAX = 8192;
/** What follows the size and flags for clients that do not refuse it. */
const EXPORT_NAME_ZEROES = 124;
/** Any number of bytes may be asked for, a page is the cheapest, and what all clients keep to is the most. */
const BLOCK_SIZES = { minimum: 1, preferred: 4096, maximum: PAYLOAD_MAX };

/** What a connection does next. */
export type Step =
  | 'more' // bytes are needed
  | 'blocked' // room for replies is needed
  | 'again'
  | 'pause' // others are to have their turn first
  | 'end'
  | 'tls' // after what is to be sent
  | 'transmission';

export interface HandshakeOptions {
  readonly exports: NbdExports;
  /** How TLS stands: not offered, offered, or demanded and not yet there. */
  readonly tls: 'none' | 'offered' | 'demanded';
  /** What the client said first, where that was before TLS began: nothing else of then is kept. */
  readonly resumed: { readonly noZeroes: boolean } | undefined;
}

/** What was agreed on. */
export interface Agreement {
  readonly opened: OpenExport;
  readonly structured: boolean;
  readonly allocation: boolean;
}

export class Handshake {
  readonly #input: Input;
  readonly #output: Output;
  readonly #options: HandshakeOptions;
  #state: 'greeting' | 'flags' | 'option' | 'data' | 'skip' | 'list' = 'greeting';
  /** The client wants no zeroes behind the answer to EXPORT_NAME. */
  noZeroes = false;
  #optionsRead = 0;
  #option = 0;
  /** Bytes of the option's data. */
  #left = 0;
  #structured = false;
  /** The export for which `base:allocation` was chosen. */
  #allocationOf: string | undefined;
  /** Names that have yet to be listed, the next one last. */
  #names: string[] = [];
  agreement: Agreement | undefined;

  constructor(input: Input, output: Output, options: HandshakeOptions) {
    this.#input = input;
    this.#output = output;
    this.#options = options;
    if (options.resumed === undefined) return;
    this.#state = 'option';
    this.noZeroes = options.resumed.noZeroes;
  }

  step(): Step {
    // Room first: what is taken from the input cannot be taken again.
    if (!this.#output.room(ANSWER_BYTES_MAX)) return 'blocked';
    switch (this.#state) {
      case 'greeting':
        return this.#greet();
      case 'flags':
        return this.#readFlags();
      case 'option':
        return this.#readOption();
      case 'data':
        return this.#readData();
      case 'skip':
        return this.#skip();
      case 'list':
        return this.#list();
    }
  }

  #greet(): Step {
    const room = this.#room(18);
    room.writeBigUInt64BE(INIT_MAGIC, 0);
    room.writeBigUInt64BE(OPTION_MAGIC, 8);
    room.writeUInt16BE(FIXED_NEWSTYLE | NO_ZEROES, 16);
    this.#output.add(18);
    this.#state = 'flags';
    return 'again';
  }

  #readFlags(): Step {
    const flags = this.#input.take(4)?.readUInt32BE(0);
    if (flags === undefined) return 'more';
    // Unknown flags ask for what this server does not have; without fixed newstyle a client cannot take a refusal.
    if ((flags & ~(FIXED_NEWSTYLE | NO_ZEROES)) !== 0) return 'end';
    this.noZeroes = (flags & NO_ZEROES) !== 0;
    this.#state = 'option';
    return 'again';
  }

  #readOption(): Step {
    const header = this.#input.take(OPTION_HEADER_BYTES);
    if (header === undefined) return 'more';
    const most = OPTIONS_MAX + OPTIONS_OF_EXPORT * this.#options.exports.size;
    if (header.readBigUInt64BE(0) !== OPTION_MAGIC || ++this.#optionsRead > most) return 'end';
    this.#option = header.readUInt32BE(8);
    this.#left = header.readUInt32BE(12);
    // Also if it is refused, for whatever reason.
    if (this.#option === Option.SET_META_CONTEXT) this.#allocationOf = undefined;
    this.#state = this.#left > OPTION_BYTES_MAX ? 'skip' : 'data';
    return 'again';
  }

  /** The data of an option that is too long go where they came from. */
  #skip(): Step {
    if (this.#left > 0) {
      const { length } = this.#input.some(this.#left);
      if (length === 0) return 'more';
      this.#left -= length;
      return 'again';
    }
    if (this.#option === Option.EXPORT_NAME) return 'end'; // which has no refusal
    return this.#reply(OptionReply.ERR_TOO_BIG, `an option may have ${OPTION_BYTES_MAX} bytes`);
  }

  #readData(): Step {
    const data = this.#input.take(this.#left);
    if (data === undefined) return 'more';
    try {
      return this.#answer(new Fields(data), data.length);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      if (this.#option === Option.EXPORT_NAME) return 'end';
      return this.#reply(OptionReply.ERR_INVALID, error.message);
    }
  }

  #answer(fields: Fields, length: number): Step {
    const { ABORT, EXPORT_NAME, GO, INFO, LIST, LIST_META_CONTEXT, SET_META_CONTEXT, STARTTLS, STRUCTURED_REPLY } =
      Option;
    const option = this.#option;
    if (option === ABORT) {
      this.#reply(OptionReply.ACK);
      return 'end';
    }
    if (option === STARTTLS) return this.#startTls(fields);
    if (this.#options.tls === 'demanded') {
      if (option === EXPORT_NAME) return 'end';
      return this.#reply(OptionReply.ERR_TLS_REQD, 'this server demands TLS: send NBD_OPT_STARTTLS first');
    }
    switch (option) {
      case EXPORT_NAME:
        return this.#exportName(length > STRING_MAX ? undefined : fields.string(length));
      case LIST:
        fields.end();
        this.#names = namesOf(this.#options.exports).reverse();
        this.#state = 'list';
        return 'again';
      case INFO:
      case GO:
        return this.#info(fields);
      case STRUCTURED_REPLY:
        fields.end();
        this.#structured = true;
        return this.#reply(OptionReply.ACK);
      case LIST_META_CONTEXT:
      case SET_META_CONTEXT:
        return this.#metaContext(fields);
      default:
        return this.#reply(OptionReply.ERR_UNSUP, 'this server does not know the option');
    }
  }

  #startTls(fields: Fields): Step {
    fields.end();
    const { tls } = this.#options;
    if (tls === 'none') {
      // What came is encrypted already, or was not negotiated at all.
      const [code, message] =
        this.#options.resumed !== undefined
          ? ([OptionReply.ERR_INVALID, 'TLS has begun already'] as const)
          : ([OptionReply.ERR_POLICY, 'this server has no certificate'] as const);
      return this.#reply(code, message);
    }
    // Whatever follows in the clear was put there by somebody else.
    if (this.#input.length > 0) return 'end';
    this.#reply(OptionReply.ACK);
    return 'tls';
  }

  #exportName(name: string | undefined): Step {
    const opened = name === undefined ? undefined : openExport(this.#options.exports, name);
    if (opened === undefined) return 'end';
    const zeroes = this.noZeroes ? 0 : EXPORT_NAME_ZEROES;
    const room = this.#room(10 + zeroes);
    room.writeBigUInt64BE(BigInt(opened.size), 0);
    room.writeUInt16BE(opened.flags, 8);
    room.fill(0, 10, 10 + zeroes);
    this.#output.add(10 + zeroes);
    return this.#agree(opened);
  }

  #agree(opened: OpenExport): Step {
    const allocation = this.#structured && this.#allocationOf === opened.name;
    this.agreement = { opened, structured: this.#structured, allocation };
    return 'transmission';
  }

  /** There may be more names than there is room for: then the client reads some first. */
  #list(): Step {
    const name = this.#names.pop();
    if (name === undefined) return this.#reply(OptionReply.ACK);
    const text = Buffer.from(name);
    const data = Buffer.alloc(4 + text.length);
    data.writeUInt32BE(text.length, 0);
    text.copy(data, 4);
    this.#reply(OptionReply.SERVER, data);
    this.#state = 'list';
    return 'again';
  }

  #info(fields: Fields): Step {
    const name = fields.string();
    const requests = Array.from({ length: fields.u16() }, () => fields.u16());
    fields.end();
    const opened = openExport(this.#options.exports, name);
    if (opened === undefined) return this.#reply(OptionReply.ERR_UNKNOWN, 'there is no such export');
    const size = Buffer.alloc(12);
    size.writeUInt16BE(Info.EXPORT, 0);
    size.writeBigUInt64BE(BigInt(opened.size), 2);
    size.writeUInt16BE(opened.flags, 10);
    this.#reply(OptionReply.INFO, size);
    if (requests.includes(Info.NAME)) {
      const kind = Buffer.alloc(2);
      kind.writeUInt16BE(Info.NAME, 0);
      this.#reply(OptionReply.INFO, Buffer.concat([kind, Buffer.from(opened.name)]));
    }
    if (requests.includes(Info.BLOCK_SIZE)) {
      const sizes = Buffer.alloc(14);
      sizes.writeUInt16BE(Info.BLOCK_SIZE, 0);
      sizes.writeUInt32BE(BLOCK_SIZES.minimum, 2);
      sizes.writeUInt32BE(BLOCK_SIZES.preferred, 6);
      sizes.writeUInt32BE(BLOCK_SIZES.maximum, 10);
      this.#reply(OptionReply.INFO, sizes);
    }
    const step = this.#reply(OptionReply.ACK);
    return this.#option === Option.GO ? this.#agree(opened) : step;
  }

  #metaContext(fields: Fields): Step {
    const name = fields.string();
    const queries = Array.from({ length: Math.min(fields.u32(), OPTION_BYTES_MAX) }, () => fields.string());
    fields.end();
    const sets = this.#option === Option.SET_META_CONTEXT;
    if (!this.#structured && sets)
      return this.#reply(OptionReply.ERR_INVALID, 'structured replies must be negotiated first');
    const opened = openExport(this.#options.exports, name);
    if (opened === undefined) return this.#reply(OptionReply.ERR_UNKNOWN, 'there is no such export');
    const listsAll = !sets && (queries.length === 0 || queries.includes('base:'));
    if (listsAll || queries.includes(BASE_ALLOCATION)) {
      const data = Buffer.alloc(4 + BASE_ALLOCATION.length);
      data.writeUInt32BE(sets ? BASE_ALLOCATION_ID : 0, 0);
      data.write(BASE_ALLOCATION, 4);
      this.#reply(OptionReply.META_CONTEXT, data);
      if (sets) this.#allocationOf = opened.name;
    }
    return this.#reply(OptionReply.ACK);
  }

  #reply(type: number, content: Buffer | string = ''): 'again' {
    const data = Buffer.from(content);
    const room = this.#room(REPLY_HEADER_BYTES + data.length);
    room.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0);
    room.writeUInt32BE(this.#option, 8);
    room.writeUInt32BE(type, 12);
    room.writeUInt32BE(data.length, 16);
    data.copy(room, REPLY_HEADER_BYTES);
    this.#output.add(REPLY_HEADER_BYTES + data.length);
    this.#state = 'option';
    return 'again';
  }

  /** Where the output is: `step` has made sure of the room. */
  #room(bytes: number): Buffer {
    const { buffer, used } = this.#output;
    return buffer.part(used, bytes);
  }
}
