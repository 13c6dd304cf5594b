/** `ctl`: asks a running server for something, and shows the answer. */
import { CliError, UsageError } from '../errors.js';
import { REQUEST_NAMES, type Request, type RequestName } from '../serve/control-requests.js';
import type { Merged } from '../serve/merging.js';
import { prometheusText } from '../serve/prometheus.js';
import type { Saved } from '../serve/saving.js';
import type { Statistics } from '../serve/statistics.js';
import { exactBytes, number, plural } from '../format.js';
import type { Report } from '../surroundings.js';
import { ask } from './client.js';
import { statText } from './stat-text.js';

export interface CtlOptions {
  readonly force: boolean;
  readonly prometheus: boolean;
}

/** What stands behind each request on the command line. */
const ARGUMENTS: Readonly<Record<RequestName, readonly string[]>> = {
  snapshot: ['FROM', 'NAME'],
  fork: ['FROM', 'NAME'],
  remove: ['NAME'],
  merge: [],
  save: [],
  stat: [],
};

/** @throws UsageError */
export function requestOf(command: string | undefined, given: readonly string[], options: CtlOptions): Request {
  const name = REQUEST_NAMES.find((one) => one === command);
  if (name === undefined) {
    const what = command === undefined ? 'nothing is asked for' : `unknown request '${command}'`;
    throw new UsageError(`ctl: ${what}; it takes ${REQUEST_NAMES.join(', ')}`);
  }
  const wanted = ARGUMENTS[name];
  if (given.length !== wanted.length) {
    const form = ['zram-wasm ctl SOCKET', name, ...wanted].join(' ');
    throw new UsageError(`ctl ${name} takes ${wanted.length === 0 ? 'no arguments' : wanted.join(' and ')}: ${form}`);
  }
  if (options.force && name !== 'remove') throw new UsageError('--force is for ctl SOCKET remove');
  if (options.prometheus && name !== 'stat') throw new UsageError('--prometheus is for ctl SOCKET stat');
  const [first = '', second = ''] = given;
  if (name === 'snapshot' || name === 'fork') return { command: name, from: first, name: second };
  return name === 'remove' ? { command: name, name: first, force: options.force } : { command: name };
}

/** @param args behind SOCKET @throws CliError, UsageError */
export async function ctl(socket: string, args: readonly string[], options: CtlOptions): Promise<Report> {
  const [command, ...given] = args;
  const request = requestOf(command, given, options);
  const result = await ask(socket, request);
  const text = () => {
    try {
      return textOf(request, result, options);
    } catch {
      throw new CliError(
        `the server at '${socket}' is of another version: its answer is not understood, but --json shows it`,
      );
    }
  };
  return { text, json: () => JSON.stringify(result, null, 2) };
}

function textOf(request: Request, result: unknown, { prometheus }: CtlOptions): string {
  switch (request.command) {
    case 'snapshot':
    case 'fork':
      return `${request.name} is a ${request.command} of ${request.from}: ${(result as { uri: string }).uri}`;
    case 'remove':
      return `${request.name} is removed.`;
    case 'merge': {
      const { objectsMerged, objectsScanned, bytesMerged, pagesFreed, milliseconds } = result as Merged;
      return [
        `Merged ${number(objectsMerged)} of ${plural(objectsScanned, 'object')}: ${exactBytes(bytesMerged)}`,
        `${plural(pagesFreed, 'page')} of memory freed in ${number(milliseconds)} ms`,
      ].join('\n');
    }
    case 'save': {
      const { file, exports, bytes, milliseconds } = result as Saved;
      return `Saved ${plural(exports, 'export')} to ${file}: ${exactBytes(bytes)} in ${number(milliseconds)} ms`;
    }
    case 'stat':
      return prometheus ? prometheusText(result as Statistics) : statText(result as Statistics);
  }
}
