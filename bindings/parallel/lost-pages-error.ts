/** The error that names pages. */
import { ZramError } from '../base/errors.js';

/** `EIO` of a call that touched pages of a worker that died. */
export class LostPagesError extends ZramError {
  /** @internal Whatever a bundler calls the class. */
  static override readonly name: string = 'LostPagesError';
  /** The pages of the call that are lost: until each is written as a whole, or discarded, reading it is `EIO`. */
  readonly pages: readonly number[];

  /** @internal */
  constructor(message: string, pagesDone: number, pages: readonly number[]) {
    super('EIO', message, pagesDone);
    this.pages = pages;
  }
}
