/** The types of sinks that callers pass, and the common interface they are adapted to. */

/** Bytes in memory of their own: `Uint8Array<ArrayBuffer>` since TypeScript 5.7. */
export type OwnBytes = ReturnType<Uint8Array['slice']>;

/** The members of a `WritableStream` that are used. */
export interface WebSink {
  /** Locks the stream. */
  getWriter(): {
    /** Resolves when the stream has accepted the chunk. */
    write(bytes: OwnBytes): Promise<unknown>;
    /** Resolves when everything is written. */
    close(): Promise<unknown>;
    /** Aborts the stream. */
    abort(reason?: unknown): Promise<unknown>;
  };
}

/** The members used of a stream of Node.js, a `FileHandle`, or a caller's own object. */
export interface WriteSink {
  /**
   * Takes bytes, which the sink may keep. A promise is awaited before the next call.
   *
   * A number (`Deno.FsFile`, `FileSystemSyncAccessHandle`, `fs.writeSync`) or an object with `bytesWritten`
   * (`FileHandle`) is the count of bytes that were taken, and the rest is passed to the next call; 0, or more than were
   * passed, is `EIO`. A number that differs from the bytes passed may also be the length of an array (`(bytes) =>
   * array.push(bytes)`). The sink is then called once with no bytes: if it returns 0, its numbers are counts; if it
   * returns one more than before, they are lengths, which are ignored; any other result is `EIO`. All other return
   * values are ignored.
   */
  write(bytes: OwnBytes): unknown;
}

/**
 * The destination of a save file. A `WritableStream` is closed at the end and aborted after a failure; a `Writable` of
 * Node.js is ended or destroyed, even if the call fails before anything is written. Any other sink is left open.
 */
export type SaveSink = WebSink | WriteSink;

/** @internal The common interface of all sinks. */
export interface Target {
  /** Settles when the next piece may be written. */
  write(bytes: OwnBytes): Promise<void>;
  end(): Promise<void>;
  abort(reason: unknown): Promise<void>;
}
