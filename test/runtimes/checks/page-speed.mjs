import { Engine } from 'zram-wasm';
import { serveRounds } from './speed.mjs';

await serveRounds({ Engine }, location.origin, new URLSearchParams(location.search).get('name'));
