/**
 * Temporary files must not stay behind after Ctrl-C: they are removed, and then the signal has its usual effect. While
 * there is nothing to remove no signal is caught, so it ends the process at once, whatever the process is doing.
 */
import { rmSync } from 'node:fs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

const temporaryFiles = new Set<string>();

/** From now on an interruption removes this file, which need not exist yet. */
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
  // Without a handler the signal ends the process, and its parent sees which signal it was.
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
