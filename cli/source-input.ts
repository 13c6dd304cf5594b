/** A dump's file as an input without a format: for packs, and for what turns out to be raw. */
import type { Source } from './dumps/reader.js';
import type { Input } from './inputs.js';

/** All bytes of the source that an input was read through, from its start. */
export class SourceInput implements Input {
  readonly kind: Input['kind'];
  readonly name: string;
  readonly bytes: number | undefined;
  #at = 0;

  constructor(
    of: Pick<Input, 'kind' | 'name'>,
    readonly source: Source,
  ) {
    this.kind = of.kind;
    this.name = of.name;
    this.bytes = source.bytes;
  }

  async read(out: Uint8Array): Promise<number> {
    const bytes = await this.source.read(this.#at, out);
    this.#at += bytes;
    return bytes;
  }

  close(): Promise<void> {
    return this.source.close();
  }
}
