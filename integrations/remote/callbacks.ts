/** Callbacks of options: what they throw is their owner's, and changes nothing of the call that told them something. */

/** Calls it. An error is thrown outside of this call, as one of an event listener: it is not caught, but reported. */
export function tell<T>(callback: (news: T) => void, news: T): void {
  try {
    callback(news);
  } catch (error) {
    queueMicrotask(() => {
      // Node.js has none; there it is an uncaught exception.
      const { reportError } = globalThis as { reportError?: (error: unknown) => void };
      if (reportError === undefined) throw error;
      reportError(error);
    });
  }
}
