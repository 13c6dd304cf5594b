/**
 * Which encodings the objects of a pool have: the bindings have 13 numbers for compressors with their parameters, and
 * take back those that are no longer in use when they run out.
 */
import { cell_kind, cell_target, DIRECT, first_cell, next_cell, OBJECT } from './cell';
import { header_codec, object_header } from './object';
import { Pool } from './structs';

/**
 * The codecs that objects have, as bits. Each object is owned by one DIRECT or OBJECT cell.
 * @param wanted those that are asked for: the walk ends when all of them were seen
 */
export function pool_codecs(pool: Pool, wanted: u32): u32 {
  let found: u32 = 0;
  for (let cell = first_cell(pool); cell != 0 && (found & wanted) != wanted; cell = next_cell(cell)) {
    const kind = cell_kind(cell);
    if (kind == DIRECT || kind == OBJECT) found |= 1 << header_codec(object_header(cell_target(cell)));
  }
  return found & wanted;
}
