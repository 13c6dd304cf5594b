// Compiles a strict consumer of the built declarations, checked in full, in each environment that a consumer may have:
// the declarations must not lean on types that only we happen to have (DOM, Node, recent ECMAScript).
import { spawnSync } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const consumer = path.join(root, 'build/consumer');
const environments = {
  'plain ES2022': { lib: ['ES2022'], types: [] },
  'DOM, bundler': { lib: ['ES2022', 'DOM'], types: [], module: 'ESNext', moduleResolution: 'bundler' },
  Node: { lib: ['ES2022'], types: ['node'] },
};

await rm(consumer, { recursive: true, force: true });
await mkdir(path.join(consumer, 'node_modules'), { recursive: true });
await symlink(root, path.join(consumer, 'node_modules/zram-wasm'), 'junction');
await writeFile(path.join(consumer, 'package.json'), '{ "type": "module" }\n');
await writeFile(
  path.join(consumer, 'index.ts'),
  "export * as inlined from 'zram-wasm';\nexport * as external from 'zram-wasm/external';\n",
);
for (const [name, options] of Object.entries(environments)) {
  const compilerOptions = {
    ...{ target: 'ES2022', module: 'NodeNext', strict: true, exactOptionalPropertyTypes: true },
    ...{ skipLibCheck: false, noEmit: true, ...options },
  };
  await writeFile(path.join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['index.ts'] }));
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '--project', consumer], { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`The declarations do not compile for a consumer with: ${name}`);
    process.exit(1);
  }
}
