import { done } from './report.js';

import('./example.js').then((module) => module.run?.()).then(done);
