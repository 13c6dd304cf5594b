/**
 * One section, in a process of its own: its heap, its compiled code and its linear memory touch no other section's.
 * run.mjs starts it; `npm run bench -- --only NAME` is the way to run one alone.
 */
import { loadImage } from './support/image.mjs';

// When the run was ended, its helpers clean up as soon as this process is gone.
process.on('disconnect', () => process.exit(1));
const { name, directory, settings } = JSON.parse(process.argv[2]);
const { run } = await import(`./sections/${name}.mjs`);
const result = await run({ image: loadImage(directory), settings, directory });
// The channel must be empty before the process ends.
process.send(result, () => process.exit(0));
