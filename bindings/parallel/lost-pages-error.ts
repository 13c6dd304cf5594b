/** The error that lists lost pages. */
import { ZramError } from '../base/errors.js';

/** `EIO` of a call that needs pages of a worker that died. */
export class LostPagesError extends ZramError {
  /** @internal Fixed, since a bundler may rename the class. */
  static override readonly name: string = 'LostPagesError';
  /** The lost pages of the call: reading each is `EIO` until it is completely written or discarded. */
  readonly pages: readonly number[];

  /** @internal */
  constructor(message: string, pagesDone: number, pages: readonly number[]) {
    super('EIO', message, pagesDone);
    this.pages = pages;
  }
}
