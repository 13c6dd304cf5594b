import { Engine } from './node_modules/zram-wasm/dist/external.js';
import { roundTripIn } from './round-trip.js';

globalThis.onmessage = ({ data: module }) => globalThis.postMessage(roundTripIn(Engine.createSync({ module })));
