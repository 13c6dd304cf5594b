/** The demo's build. It imports the package by the names that its package.json exports, from the build beside it. */
import { fileURLToPath } from 'node:url';
import { defineConfig, type Alias, type Plugin } from 'vite';
import library from '../package.json' with { type: 'json' };

/** Strict: WebAssembly may be compiled, text may not. Nothing is loaded from, or sent to, anywhere else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const HEADERS = { 'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff' };

/** What the exports map of the package says, so that nothing but its published entries can be imported. */
function publishedEntries(): Alias[] {
  return Object.entries(library.exports).map(([subPath, target]) => {
    const file = typeof target === 'string' ? target : target.default;
    const name = `zram-wasm${subPath.slice(1)}`.replaceAll('.', '\\.');
    return {
      find: new RegExp(`^${name}(?=$|\\?)`),
      replacement: fileURLToPath(new URL(`../${file}`, import.meta.url)),
    };
  });
}

/** The same policy in the page itself, for hosts that cannot set headers. Not while developing: Vite puts styles inline. */
function policyInPage(): Plugin {
  return {
    name: 'policy-in-page',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
        injectTo: 'head-prepend',
      },
    ],
  };
}

export default defineConfig({
  base: './',
  resolve: { alias: publishedEntries() },
  plugins: [policyInPage()],
  worker: { format: 'es' },
  optimizeDeps: { exclude: ['@journeyapps/wa-sqlite'] },
  server: { fs: { allow: ['..'] } },
  preview: { headers: HEADERS },
  build: { target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
});
