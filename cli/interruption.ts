/**
 * Temporary files must not stay behind after Ctrl-C: they are removed, and then the signal has its usual effect. While
 * there is nothing to remove no signal is caught, so it ends the process at once, whatever the process is doing.
 */
import { rmSync } from 'node:fs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

const temporaryFiles = new Set<string>();
/** What the program does at a signal, where it does not just end. */
let elsewhere: ((signal: NodeJS.Signals) => void) | undefined;

/**
 * From now on signals go to `handler` and end nothing by themselves: it calls `endBySignal` where they are to. Temporary
 * files are removed when the process exits.
 * @returns ends that
 */
export function takeSignals(handler: (signal: NodeJS.Signals) => void): () => void {
  stopListening();
  elsewhere = handler;
  listen();
  return () => {
    stopListening();
    elsewhere = undefined;
    if (temporaryFiles.size > 0) listen();
  };
}

/** From now on an interruption removes this file, which need not exist yet. */
export function removeOnInterruption(path: string): void {
  if (temporaryFiles.size === 0 && elsewhere === undefined) listen();
  temporaryFiles.add(path);
}

/** The file is complete, or gone. */
export function forgetOnInterruption(path: string): void {
  temporaryFiles.delete(path);
  if (temporaryFiles.size === 0 && elsewhere === undefined) stopListening();
}

function interrupted(signal: NodeJS.Signals): void {
  if (elsewhere === undefined) endBySignal(signal);
  else elsewhere(signal);
}

/** Removes the temporary files, and ends the process. */
export function endBySignal(signal: NodeJS.Signals): void {
  removeAll();
  stopListening();
  // Without a handler the signal ends the process, and its parent sees which signal it was.
  process.kill(process.pid, signal);
}

function listen(): void {
  for (const signal of SIGNALS) process.on(signal, interrupted);
  process.on('exit', removeAll);
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
