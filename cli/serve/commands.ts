/** What the control socket does with the exports of a running server. */
import type { NbdServer } from '../../integrations/nbd.js';
import { plural } from '../format.js';
import { nameFault } from './arguments.js';
import { ControlError, type Request } from './control-requests.js';
import type { Exports, Served } from './exports.js';
import type { Merging } from './merging.js';
import type { Reserve } from './reserve.js';
import type { Saving } from './saving.js';
import type { Meter } from './statistics.js';

export interface Running {
  readonly exports: Exports;
  readonly server: NbdServer;
  readonly merging: Merging;
  /** Undefined: nothing is saved. */
  readonly saving: Saving | undefined;
  readonly reserve: Reserve;
  readonly meter: Meter;
  uriOf(name: string): string;
  /** The last save has begun, or will at once: what is made now would be lost. */
  isEnding(): boolean;
}

/** @throws ControlError, ExportError, ZramError, CliError */
export function perform(request: Request, running: Running): unknown {
  const { exports, server, merging, saving, meter } = running;
  if (request.command === 'stat') return meter.read(running, (name) => server.connectionsOf(name));
  if (running.isEnding()) throw new ControlError('ESHUTDOWN', 'the server is ending');
  switch (request.command) {
    case 'fork':
      return make(request.name, running, () => exports.fork(request.from, request.name));
    case 'snapshot':
      return make(request.name, running, () => exports.snapshot(request.from, request.name));
    case 'remove':
      return remove(request.name, request.force, running);
    case 'merge':
      return merging.merge();
    case 'save':
      if (saving === undefined)
        throw new ControlError('EOPNOTSUPP', 'the server has nowhere to save to: it was started without --save');
      return saving.save();
  }
}

function make(name: string, running: Running, work: () => Served): object {
  const fault = nameFault(name);
  if (fault !== undefined) throw new ControlError('EINVAL', fault);
  const { size, readOnly } = work();
  if (!holdReserve(running)) {
    running.exports.remove(name);
    holdReserve(running);
    throw new ControlError('ENOMEM', 'no memory is left to save one more export');
  }
  return { name, size, readOnly, uri: running.uriOf(name) };
}

function remove(name: string, force: boolean, running: Running): object {
  const { exports, server } = running;
  exports.get(name);
  if (exports.map.size === 1) throw new ControlError('EBUSY', `'${name}' is the only export: one has to stay`);
  const clients = server.connectionsOf(name);
  if (clients > 0 && !force)
    throw new ControlError('EBUSY', `'${name}' has ${plural(clients, 'client')}: --force ends their connections`);
  server.closeConnectionsOf(name);
  exports.remove(name);
  holdReserve(running);
  return { name };
}

/** Keeps the memory that saving takes. @returns false: there is less */
export function holdReserve({ exports, reserve }: Pick<Running, 'exports' | 'reserve'>): boolean {
  return reserve.holdFor([...exports.map.values()].map(({ size }) => size));
}
