/**
 * What must not stay behind when somebody presses Ctrl-C: it is removed, and then the signal does what it would have done.
 * Nothing is caught while there is nothing to remove, so that a signal ends the process at once, whatever it is at.
 */
import { rmSync } from 'node:fs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

const temporaryFiles = new Set<string>();

/** From now on an interruption removes this file, which need not be there yet. */
export function removeOnInterruption(path: string): void {
  if (temporaryFiles.size === 0) {
    for (const signal of SIGNALS) process.on(signal, interrupted);
    process.on('exit', removeAll);
  }
  temporaryFiles.add(path);
}

/** The file is complete, or gone. */
export function forgetOnInterruption(path: string): void {
  temporaryFiles.delete(path);
  if (temporaryFiles.size === 0) stopListening();
}

function interrupted(signal: NodeJS.Signals): void {
  removeAll();
  stopListening();
  // Without a handler the signal ends the process, and whoever started it sees by which.
  process.kill(process.pid, signal);
}

function stopListening(): void {
  for (const signal of SIGNALS) process.off(signal, interrupted);
  process.off('exit', removeAll);
}

function removeAll(): void {
  for (const path of temporaryFiles) {
    try {
      rmSync(path, { force: true });
    } catch {
      // The others are removed all the same.
    }
  }
  temporaryFiles.clear();
}
