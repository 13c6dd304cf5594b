import { done } from './report.js';

import('./external.js').then(done);
