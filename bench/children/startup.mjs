/** How long a fresh process takes to import the library and to have an engine ready. Sends both, in milliseconds. */
const start = performance.now();
const { Engine } = await import('../../dist/index.js');
const imported = performance.now();
const engine = Engine.createSync();
const ready = performance.now();
engine.destroy();
process.send({ importing: imported - start, creating: ready - imported });
