import { nodeResolve } from '@rollup/plugin-node-resolve';

const NAMES = ['example', 'external', 'parallel'];

export default {
  input: Object.fromEntries(NAMES.map((name) => [name, `src/${name}-main.js`])),
  output: { dir: 'dist/rollup', format: 'es' },
  external: [/^node:/],
  plugins: [nodeResolve({ browser: true })],
};
