/** Processes of their own, for what a process does once (start) or has one of (memory). */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Runs a script of bench/children and waits for the one message that it sends.
 * @param {string} name the file
 * @param {unknown} input what it gets as JSON in its only argument
 */
export function runChild(name, input) {
  return runScript(fileURLToPath(new URL(`../children/${name}`, import.meta.url)), input);
}

/** As `runChild`, of any script. */
export function runScript(script, input) {
  return new Promise((resolve, reject) => {
    const child = fork(script, [JSON.stringify(input)], { execArgv: ['--expose-gc'] });
    let answer;
    child.on('message', (message) => (answer = message));
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      if (answer !== undefined && status === 0) resolve(answer);
      else reject(new Error(`${script} ended with ${signal ?? `status ${status}`}`));
    });
  });
}
