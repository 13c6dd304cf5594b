/** Compresses the pages of the file and decompresses them: as they are in memory, or by a compressor of the file's own. */
import { PAGE_SIZE } from '../fs/constants.js';
import { on } from '../fs/errors.js';
import type { PageFsOptions, PageFsOwnOptions } from '../fs.js';
import type { Tree } from '../fs/tree.js';
import { ZramError } from '../../bindings/base/errors.js';
import type { Zram } from '../../bindings/index.js';
import { crc32 } from './crc32.js';
import { damaged } from './encoding.js';
import type { Settings } from './journal.js';
import { FILL_BYTES } from './records.js';
import { fitsRoot } from './root.js';

export class Codec {
  readonly #page = new Uint8Array(PAGE_SIZE);
  readonly #compressed = new Uint8Array(PAGE_SIZE);

  private constructor(
    private readonly tree: Tree,
    readonly settings: Settings,
    /** A device of one page, with a compressor of its own. */
    private readonly own: Zram | undefined,
  ) {}

  /**
   * @param algorithm of a new store; undefined: that of the memory
   * @param found the settings of one that is there
   * @throws ZramError EINVAL, EOPNOTSUPP
   */
  static async of(
    tree: Tree,
    options: PageFsOptions | PageFsOwnOptions,
    algorithm: string | undefined,
    found: Settings | undefined,
  ): Promise<Codec> {
    const [, ofMemory = ''] = /\[(.*)\]/.exec(tree.writable(on('open')).sysfs.read('comp_algorithm')) ?? [];
    const name = found?.algorithm ?? algorithm ?? ofMemory;
    const isOwn = name !== ofMemory;
    const dictionary = !isOwn && options.dictionary ? crc32(options.dictionary) : 0;
    if (found && found.dictionary !== dictionary) {
      throw new ZramError('EINVAL', 'the pages of the store were compressed with another dictionary, or with none.');
    }
    if (!fitsRoot(name)) throw new ZramError('EINVAL', 'a store cannot name this compressor.');
    return new Codec(tree, { algorithm: name, dictionary }, isOwn ? await deviceFor(name, options) : undefined);
  }

  get #device(): Zram {
    return this.own ?? (this.tree.device as Zram);
  }

  /** The block of a page, valid until the next call; empty: the page is zeros. */
  blockOf(page: Uint8Array): Uint8Array {
    const block = this.#device.compressPage(page, this.#compressed);
    if (block.length === PAGE_SIZE && isFilled(page)) {
      const fill = page.subarray(0, FILL_BYTES);
      return fill.every((byte) => byte === 0) ? fill.subarray(0, 0) : fill;
    }
    return block.length === FILL_BYTES ? page : block;
  }

  /** Puts the page of a block on the device of the files. @throws ZramError EIO: it is no block of a page; ENOMEM */
  store(index: number, block: Uint8Array): void {
    const { tree, own } = this;
    const device = tree.device as Zram;
    if (block.length === FILL_BYTES) {
      for (let at = 0; at < PAGE_SIZE; at += FILL_BYTES) this.#page.set(block, at);
      device.writePage(index, this.#page);
      return;
    }
    try {
      if (!own) device.writeCompressed(index, block);
      else {
        own.writeCompressed(0, block);
        device.writePage(index, own.readPage(0, this.#page));
      }
    } catch (error) {
      if (error instanceof ZramError && error.code === 'EINVAL') throw damaged('a page does not decompress');
      throw error;
    }
  }

  destroy(): void {
    this.own?.destroy();
  }
}

/** An engine with one page, for a compressor that the files' memory does not have. */
async function deviceFor(compAlgorithm: string, options: PageFsOptions | PageFsOwnOptions): Promise<Zram> {
  const { Zram } = await import('../../bindings/index.js');
  const { module, compressors } = options as PageFsOwnOptions;
  return Zram.create({ compAlgorithm, disksize: PAGE_SIZE, module, compressors });
}

function isFilled(page: Uint8Array): boolean {
  for (let at = FILL_BYTES; at < PAGE_SIZE; at++) if (page[at] !== page[at - FILL_BYTES]) return false;
  return true;
}
