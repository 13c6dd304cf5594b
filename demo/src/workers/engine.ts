/** The worker that owns the engine of the page map. */
import type { EngineCalls, EngineEvents } from '../engine/protocol.js';
import { Session } from '../engine/session.js';
import { serve, type Emit } from './rpc.js';

function makeCalls(emit: Emit<EngineEvents>): EngineCalls {
  // Calls wait for the core: the page may already send them.
  const session = Session.make(emit);
  return {
    ready: async () => (await session).noBacking,
    configure: async (config) => (await session).configure(config),
    store: async (files) => (await session).store(files),
    merge: async () => (await session).merge(),
    idle: async () => (await session).idle(),
    recompress: async () => (await session).recompress(),
    writeback: async (type) => (await session).writeback(type),
    compact: async () => (await session).compact(),
    ksmd: async (speed) => (await session).ksmd(speed),
    verify: async () => (await session).verify(),
    clear: async () => (await session).clear(),
    save: async () => (await session).save(),
    load: async (file) => (await session).load(file),
    cancel: async () => (await session).cancel(),
  };
}

serve<EngineCalls, EngineEvents>(makeCalls, ['cancel']);
