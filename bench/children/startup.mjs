/** How long a fresh process takes to import the library, as Node.js does, to have an engine ready, and to have a page in it. */
const start = performance.now();
const { Engine } = await import('../../dist/index.node.js');
const imported = performance.now();
const engine = Engine.createSync();
const ready = performance.now();
engine.createZram({ disksize: '1M' }).writePage(0, new Uint8Array(4096).fill(7, 100));
const written = performance.now();
engine.destroy();
process.send({ importing: imported - start, creating: ready - imported, writing: written - start });
