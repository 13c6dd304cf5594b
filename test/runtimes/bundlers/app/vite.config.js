/** Pre-bundling moves the module away from the files beside it. */
export default {
  base: './',
  optimizeDeps: { exclude: ['zram-wasm'] },
  build: {
    outDir: 'dist/vite',
    target: 'esnext',
    rollupOptions: { input: ['example.html', 'external.html', 'parallel.html'] },
  },
  server: { host: '127.0.0.1' },
};
