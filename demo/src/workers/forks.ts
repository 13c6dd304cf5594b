/** The worker that has a database and its forks. */
import { DatabaseBranches } from '../forks/branches.js';
import type { ForksCalls, ForksEvents } from '../forks/protocol.js';
import { serve } from './rpc.js';

function makeCalls(): ForksCalls {
  let made: DatabaseBranches | undefined;
  const all = (): DatabaseBranches => {
    if (made === undefined) throw new Error('There is no database yet.');
    return made;
  };
  return {
    async start() {
      made?.engine.destroy();
      made = await DatabaseBranches.make();
      return made.list();
    },
    run: ({ branch, sql }) => all().run(branch, sql),
    async fork({ branch, frozen }) {
      const fork = await all().fork(branch, frozen);
      return { ...fork, ...all().list() };
    },
    async remove(branch) {
      await all().remove(branch);
      return all().list();
    },
    branches: () => all().list(),
    pages: (branch) => all().pages(branch),
  };
}

serve<ForksCalls, ForksEvents>(makeCalls);
