import { Engine } from 'zram-wasm';
import { serveRounds } from './speed.mjs';

await serveRounds({ Engine }, process.argv[2], process.argv[3]);
