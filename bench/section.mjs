/**
 * One section, in a process of its own: its heap, its compiled code and its linear memory touch no other section's.
 * run.mjs starts it; `npm run bench -- --only NAME` is the way to run one alone.
 */
import { loadImage } from './support/image.mjs';
import { Missing } from './support/native.mjs';

// When the run was ended, its helpers clean up as soon as this process is gone.
process.on('disconnect', () => process.exit(1));
const { name, directory, settings } = JSON.parse(process.argv[2]);
const { run } = await import(`./sections/${name}.mjs`);
/** What cannot be measured on this machine at all is an answer too. */
const answer = await run({ image: loadImage(directory), settings, directory }).catch((error) => {
  if (error instanceof Missing) return { missing: error.message };
  throw error;
});
// The channel must be empty before the process ends.
process.send(answer, () => process.exit(0));
