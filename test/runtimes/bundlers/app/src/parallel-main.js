import { done } from './report.js';

import('./parallel.js').then(done);
