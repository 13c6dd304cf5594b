import { done } from './report.js';

import('./example.js').then(done);
