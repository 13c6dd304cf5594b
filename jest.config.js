/** Run through `npm run test:unit`, which gives Node the flag that jest needs for ES modules. */
export default {
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  maxWorkers: '100%',
  // A worker keeps what its files have left behind: with 800 MB of it, test/growth took six times as long.
  workerIdleMemoryLimit: '300MB',
  // Milliseconds: a test that takes one by itself takes many on a machine that is busy. What is slow is measured elsewhere.
  testTimeout: 60_000,
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
        sourceMaps: 'inline',
        swcrc: false,
      },
    ],
  },
  moduleNameMapper: {
    // The runtime's ES build has the extension .js in a package of CommonJS: a bundler takes it, Node does not.
    '^as-bind/dist/as-bind\\.esm\\.js$': 'as-bind/dist/as-bind.cjs.js',
    // TypeScript sources import './x.js' and mean './x.ts'; a real .js (a build product, a dependency's file) goes first.
    '^(\\.{1,2}/.*)\\.js$': ['$1.js', '$1.ts'],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/demo/', '<rootDir>/bench/', '<rootDir>/build/runtimes/'],
  reporters: ['default', '<rootDir>/test/support/summary-reporter.cjs'],
};
