/**
 * Pages of a device as values of a tier, and back: LZ4 blocks of 1 to 4095 bytes, or pages of 4096 as they are, whatever the
 * device's own compressor. With lz4 and lz4hc they are its blocks; with others each is compressed on the way.
 */
import type { Zram } from '../../bindings/index.js';
import { ZramError } from '../../bindings/base/errors.js';

export const PAGE_SIZE = 4096;
/** Compressors whose blocks are LZ4. */
const LZ4 = /\[lz4(?:hc)?\]/;

/** The library, when a device is to be made: imported as its users do. */
export async function makeDevice(disksize?: number): Promise<Zram> {
  const { Zram: library } = await import('../../bindings/index.js');
  return library.create({ compAlgorithm: 'lz4', disksize });
}

export class PageBlocks {
  readonly #page = new Uint8Array(PAGE_SIZE);

  private constructor(
    private readonly device: Zram,
    /** A device with lz4, for those of other compressors. */
    private readonly lz4: Zram | undefined,
  ) {}

  static async of(device: Zram): Promise<PageBlocks> {
    const isLz4 = LZ4.test(device.sysfs.read('comp_algorithm'));
    return new PageBlocks(device, isLz4 ? undefined : await makeDevice(PAGE_SIZE));
  }

  /**
   * The value of a page, in a new array.
   * @throws ZramError EIO: the page cannot be read
   */
  async valueOf(index: number): Promise<Uint8Array> {
    const block = this.lz4 ? undefined : this.#storedBlock(index);
    if (block) return block;
    const page = await this.device.readPagesAsync(index, 1, this.#page);
    return (this.lz4 ?? this.device).compressPage(page);
  }

  /** The block as it is stored; none for a page that a secondary compressor has, or that is on an asynchronous backing. */
  #storedBlock(index: number): Uint8Array | undefined {
    try {
      const block = this.device.readCompressed(index);
      return block.length < PAGE_SIZE ? block : undefined;
    } catch (error) {
      if (error instanceof ZramError && error.code === 'EAGAIN') return undefined;
      throw error;
    }
  }

  /**
   * Stores a page from its value.
   * @throws ZramError EINVAL: it is not a block of a page; ENOMEM
   */
  store(index: number, value: Uint8Array): void {
    if (!this.lz4) this.device.writeCompressed(index, value);
    else {
      this.lz4.writeCompressed(0, value);
      this.device.writePage(index, this.lz4.readPage(0, this.#page));
    }
  }

  /** Stores a page that repeats eight bytes. @throws ZramError ENOMEM */
  fill(index: number, bytes: Uint8Array): void {
    for (let at = 0; at < PAGE_SIZE; at += bytes.length) this.#page.set(bytes, at);
    this.device.writePage(index, this.#page);
  }

  destroy(): void {
    this.lz4?.destroy();
  }
}
