import { parentPort } from 'node:worker_threads';
import { Engine } from 'zram-wasm';
import { roundTripIn } from './round-trip.js';

parentPort.once('message', (module) => {
  parentPort.postMessage(roundTripIn(Engine.createSync({ module })));
});
