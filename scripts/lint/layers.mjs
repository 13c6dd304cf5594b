/**
 * The layers of each part of the project, lowest first. A file may import from its own layer and from those below it. Of several names that
 * fit a path, the longest counts.
 */
export const HOUSES = [
  {
    folder: 'assembly',
    layers: [
      ['common.ts'],
      ['memory/'],
      ['bytes/'],
      ['compressors/'],
      ['zsmalloc/structs.ts', 'zsmalloc/size-class.ts', 'zsmalloc/slab.ts', 'zsmalloc/zspage.ts', 'zsmalloc/cell.ts'],
      ['zsmalloc/object.ts', 'zsmalloc/same.ts', 'zsmalloc/codecs.ts', 'zsmalloc/compact.ts'],
      ['zsmalloc/decode.ts'],
      ['zsmalloc/dedup-index.ts', 'zsmalloc/dedup-cache.ts', 'zsmalloc/dedup.ts'],
      ['zsmalloc/owner.ts'],
      ['zsmalloc/merge/'],
      ['zsmalloc/'],
      ['zswap/', 'zram/'],
      ['exports/', 'check/'],
      ['index.ts', 'bench.ts'],
    ],
  },
  {
    folder: 'bindings',
    layers: [
      ['base/'],
      ['core/layout.ts', 'core/source.ts', 'core/exports.ts', 'compressors/'],
      ['core/'],
      ['backing/'],
      ['pool/'],
      ['ksmd.ts'],
      ['zs-pool.ts'],
      ['device/', 'zswap/'],
      ['zswap.ts'],
      ['history/', 'save/'],
      ['state-history.ts', 'zram.ts'],
      ['engine.ts'],
      ['parallel/'],
      ['index.ts', 'external.ts', 'node.ts', 'parallel.ts'],
    ],
  },
  { folder: 'integrations', layers: [['fs/'], ['fs.ts'], ['']] },
  { folder: 'cli', layers: [['html/'], [''], ['main.ts']] },
];

const places = HOUSES.flatMap(({ folder, layers }) =>
  layers.flatMap((names, rank) => names.map((name) => ({ house: folder, rank, name: `${folder}/${name}` }))),
).sort((a, b) => b.name.length - a.name.length);

/** The layer of a file, by the longest name that its path starts with; undefined where there are no layers. */
export function layerOf(file) {
  return places.find(({ name }) => file === name || (name.endsWith('/') && file.startsWith(name)));
}
