/**
 * What JavaScript calls: numbers only. Bytes cross through the staging pages.
 *
 * Pools and devices are addresses, handles a leaf cell's address / 8, below 2^29. The bindings keep them, and never
 * pass one that was ended or freed; what users have in their place is the bindings' affair. Results below 0 are errors.
 */
export * from './exports/engine';
export * from './exports/pool';
export * from './exports/zswap';
export * from './exports/zram';
export * from './exports/zram-slots';
export * from './exports/zram-load';
export * from './exports/testing';
