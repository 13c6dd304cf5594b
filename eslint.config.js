import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';
import importsOneWay from './scripts/lint/imports-one-way.mjs';
import noForeignSlice from './scripts/lint/no-foreign-slice.mjs';

export default tseslint.config(
  { ignores: ['build/', 'dist/', 'coverage/', '**/node_modules/', '**/dist/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  { ...js.configs.recommended, ignores: ['assembly/**'] },
  {
    // AssemblyScript: its decorators and types are not TypeScript's, so only what it imports is looked at.
    files: ['assembly/**/*.ts'],
    languageOptions: { parser: tseslint.parser, parserOptions: { allowInvalidAST: true } },
  },
  {
    files: ['{assembly,bindings,integrations,cli,demo}/**/*.ts'],
    plugins: { house: { rules: { 'imports-one-way': importsOneWay } } },
    rules: { 'house/imports-one-way': 'error' },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { globals: { ...globals.node } },
    rules: { 'no-unused-vars': ['error', { argsIgnorePattern: '^_' }] },
  },
  {
    // Scenarios pass functions to the page, where the browser's globals are.
    files: [
      'demo/**',
      'test/demo/**/*.mjs',
      'test/cli/html.mjs',
      'test/runtimes/checks/page*.mjs',
      'test/runtimes/bundlers/app/**',
    ],
    languageOptions: { globals: { ...globals.browser } },
  },
  {
    // Without types: the demo's dependencies are its own, and need not be installed. Its build checks the types.
    files: ['demo/**/*.ts'],
    extends: [tseslint.configs.strict],
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // With noUncheckedIndexedAccess every element of an array may be missing.
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['{bindings,integrations,cli,test,types}/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { local: { rules: { 'no-foreign-slice': noForeignSlice } } },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'always' }],
      '@typescript-eslint/no-namespace': ['error', { allowDeclarations: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // An explicit type documents a public field even where it could be inferred; the check cannot tell the two apart.
      '@typescript-eslint/no-inferrable-types': 'off',
    },
  },
  {
    // They test what callers without types pass.
    files: ['{bindings,integrations}/**/*.ts'],
    rules: { '@typescript-eslint/no-unnecessary-condition': 'off' },
  },
  {
    // Bundlers put a polyfill in place of the bare names, or (Parcel) refuse to build without one. nbd is Node.js's alone.
    files: ['bindings/**/*.ts', 'integrations/**/*.ts'],
    ignores: ['integrations/nbd.ts', 'integrations/nbd/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['process', 'Buffer', 'global'].map((name) => ({ name, message: `Write globalThis.${name}.` })),
      ],
    },
  },
  {
    // A call that does its work at once is async so that its errors are rejections.
    files: ['integrations/**/*.ts'],
    rules: { '@typescript-eslint/require-await': 'off' },
  },
  {
    files: ['bindings/**/*.ts'],
    rules: { 'local/no-foreign-slice': 'error' },
  },
  {
    // It imports the library's index, and so no viewOf; its arrays to read into are its own.
    files: ['cli/**/*.ts'],
    rules: { 'local/no-foreign-slice': ['error', 'slice'] },
  },
  {
    // Tests reach for what they know to be there, call the core by name, and pass wrong arguments on purpose.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
);
