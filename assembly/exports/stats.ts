/** Numbers for JavaScript, more than a call can return: they cross on the staging pages. */
import { STAGING } from '../memory/staging';

/** Writes the n-th number of a block of statistics to the staging pages. */
// @ts-ignore: decorator
@inline
export function put(n: u32, value: f64): void {
  store<f64>(STAGING + n * 8, value);
}
