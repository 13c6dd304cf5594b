import { done } from './report.js';

import('./external.js').then((module) => module.run?.()).then(done);
