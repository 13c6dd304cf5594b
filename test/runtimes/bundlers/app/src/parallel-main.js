import { done } from './report.js';

import('./parallel.js').then((module) => module.run?.()).then(done);
