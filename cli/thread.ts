/** A thread of devices: an engine of its own, and what the main thread asks of the devices in it. */
import { workerData, type MessagePort } from 'node:worker_threads';

import { Engine, ZramError } from '../bindings/index.js';
import { chooseAlgorithms } from './algorithms.js';
import { DeviceGroup } from './device-group.js';
import { CliError } from './errors.js';
import type { FromThread, ThreadStart, ToThread } from './thread-messages.js';

/** Between two lines of progress: each is a message. */
const PROGRESS_MILLISECONDS = 100;

/** Serves the main thread until that ends this one. */
export async function runThread(port: MessagePort): Promise<void> {
  const { algorithms, settings, maxMemory } = workerData as ThreadStart;
  const say = (message: FromThread): void => port.postMessage(message);
  const fail = (error: unknown): void => {
    const isExpected = error instanceof CliError || error instanceof ZramError;
    say({ kind: 'failed', error, isExpected });
  };
  try {
    // Messages wait in the port until it has a listener.
    const engine = await Engine.create({ maxMemory });
    await chooseAlgorithms(engine, algorithms, settings.rules.kernel);
    const group = new DeviceGroup(engine, algorithms, settings);
    const progress = progressTo(say);
    port.on('message', (message: ToThread) => void obey(group, message, say, progress).catch(fail));
  } catch (error) {
    fail(error);
  }
}

type Progress = (text: () => string) => void;

async function obey(
  group: DeviceGroup,
  message: ToThread,
  say: (message: FromThread) => void,
  progress: Progress,
): Promise<void> {
  switch (message.kind) {
    case 'buffers':
      group.useBuffers(message.buffers);
      return;
    case 'write':
      say({ kind: 'stored', pages: group.store(message.index, message.buffer, message.pages) });
      return;
    case 'truncate':
      group.truncate(message.from, message.to);
      return;
    case 'endInput':
      group.endInput();
      return;
    case 'measure':
      say({ kind: 'measured', measured: await group.measure(message.stored, progress) });
  }
}

function progressTo(say: (message: FromThread) => void): Progress {
  let last = 0;
  return (text) => {
    const now = performance.now();
    if (now - last < PROGRESS_MILLISECONDS) return;
    last = now;
    say({ kind: 'progress', text: text() });
  };
}
