const NAMES = ['example', 'external', 'parallel'];

export default {
  mode: 'production',
  entry: Object.fromEntries(NAMES.map((name) => [name, `./src/${name}-main.js`])),
  output: { path: new URL('dist/webpack', import.meta.url).pathname },
  performance: { hints: false },
  devServer: { host: '127.0.0.1', static: { directory: 'pages' }, client: { overlay: false } },
};
