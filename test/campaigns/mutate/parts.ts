/** The parts that are mutated, and the tests that must notice, the quickest first. */
export type Step = [command: string, ...args: string[]];

export interface Part {
  /** Files, or folders of them. */
  readonly files: readonly string[];
  /** Of the core. */
  readonly builds: boolean;
  readonly steps: readonly Step[];
}

const jest = (file: string, names?: string): Step => [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  '--experimental-vm-modules',
  'node_modules/jest/bin/jest.js',
  '-i',
  file,
  ...(names === undefined ? [] : ['-t', names]),
];
/** Of tests that are there for both builds: the debug build is the one that is built. */
const DEBUG = 'debug build';

const ALLOCATION = [
  jest('test/zsmalloc/model', `${DEBUG}.*with (room enough|a hash that|deduplication)`),
  jest('test/zram/kernel-fixtures'),
  jest('test/shared-pool', `${DEBUG}.*(without deduplication|of one device)`),
  jest('test/zsmalloc/(merge|size-class|handles)'),
  jest('test/dedup', 'debug'),
  jest('test/growth', 'equal samples'),
  jest('test/out-of-memory', 'debug'),
  jest('test/exact', 'debug'),
];

export const PARTS: Record<string, Part> = {
  merge: {
    files: ['assembly/zsmalloc/merge', 'assembly/zsmalloc/dedup.ts'],
    builds: true,
    steps: ALLOCATION,
  },
  decoder: {
    files: ['assembly/bytes/lz4-decompress.ts', 'assembly/bytes/lz4-holds.ts'],
    builds: true,
    steps: [
      [
        process.execPath,
        ...['test/campaigns/run.mjs', 'lz4', '--build', 'debug', '--seeds', '0..64', '--range', '64'],
        ...['--results', 'build/campaigns/mutant.jsonl', '--fresh'],
      ],
      jest('test/lz4', 'debug'),
      jest('test/zram/kernel-fixtures'),
    ],
  },
  allocator: {
    files: [
      'pool',
      'handle',
      'owner',
      'reclaim',
      'zspage',
      'cell',
      'object',
      'size-class',
      'compact',
      'slab',
      'same',
    ].map((name) => `assembly/zsmalloc/${name}.ts`),
    builds: true,
    steps: ALLOCATION,
  },
  asynchronous: {
    files: [
      'bindings/device/disk.ts',
      'bindings/backing/backing.ts',
      'bindings/device/post-process/writeback.ts',
      'bindings/parallel/fleet',
    ],
    builds: false,
    steps: [
      jest('test/zram/(io|writeback)'),
      jest('test/zram/(async-io|async-turns|backing-checks)'),
      jest('test/compressors', 'ends the device'),
      jest('test/wrong-calls', '(MemoryBacking|FileBacking)'),
      jest('test/parallel/(parallel-zram|odd-workers)'),
      jest('test/interleavings'),
      jest('test/zram/devices-model', 'release build.*(asynchronous|Algorithm|own)'),
      jest('test/parallel/(model|interleavings)'),
      jest('test/parallel/(borders|wrong-calls)'),
    ],
  },
};
