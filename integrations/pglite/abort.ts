/**
 * Stops a PostgreSQL that aborted.
 *
 * PostgreSQL aborts when it cannot go on, as without room for its log: then nothing after it may be taken for committed. PGlite
 * takes the abort for one of PostgreSQL's errors, and calls it again and again with the rest of the query, so that the call
 * never returns. From the abort on, what PGlite calls throws instead, and closing writes nothing more: the files stay as after
 * a crash, from which PostgreSQL recovers.
 */
import { ZramError } from '../../bindings/base/errors.js';

/** The functions of PGlite's module through which it goes on. */
interface Running {
  onAbort?: (reason: unknown) => void;
  _PostgresMainLoopOnce?: () => void;
  /** What PGlite calls first when the loop threw. */
  stackRestore?: (stack: number) => void;
  _pgl_run_atexit_funcs?: () => void;
  _PostgresSendReadyForQueryIfNecessary?: () => void;
  _pgl_pq_flush?: () => void;
}

export function stopWhenAborted(module: object): void {
  const running = module as Running;
  const { onAbort } = running;
  running.onAbort = (reason) => {
    const stop = (): never => {
      throw new ZramError(
        'EIO',
        'PostgreSQL stopped, most likely since memory ended; close the database, and fork or open its files again',
      );
    };
    running._PostgresMainLoopOnce = stop;
    running.stackRestore = stop;
    const nothing = (): void => undefined;
    running._pgl_run_atexit_funcs = nothing;
    running._PostgresSendReadyForQueryIfNecessary = nothing;
    running._pgl_pq_flush = nothing;
    onAbort?.(reason);
  };
}
