/** What can be written to: sinks of callers, and what each is made into. */

/** Bytes in memory of their own: what TypeScript from 5.7 on calls `Uint8Array<ArrayBuffer>`. */
export type OwnBytes = ReturnType<Uint8Array['slice']>;

/** What a `WritableStream` is here. */
export interface WebSink {
  /** Locks the stream. */
  getWriter(): {
    /** Resolves when the chunk is taken. */
    write(bytes: OwnBytes): Promise<unknown>;
    /** Resolves when all is written. */
    close(): Promise<unknown>;
    /** Gives up. */
    abort(reason?: unknown): Promise<unknown>;
  };
}

/** What a stream of Node.js, a `FileHandle`, or an object of one's own is here. */
export interface WriteSink {
  /**
   * Takes all bytes, which are its own from then on. A promise is awaited before there are more.
   *
   * A number (`Deno.FsFile`, `FileSystemSyncAccessHandle`, `fs.writeSync`) or an object with `bytesWritten` (`FileHandle`)
   * is the count of bytes that were taken, and the rest follows; none, or more than there were, is `EIO`. A number that
   * is another count than that of all bytes may also be the length of an array (`(bytes) => array.push(bytes)`). The sink
   * is then given one piece of no bytes: 0 says that its numbers are counts, one more than before that they are lengths,
   * which mean nothing; any other answer is `EIO`. What else is returned means nothing.
   */
  write(bytes: OwnBytes): unknown;
}

/**
 * Where a save file is written to. A `WritableStream` is closed at the end, and aborted after a failure; a `Writable` of
 * Node.js is ended, or destroyed: also where the call fails before anything is written. Anything else that writes is left
 * open.
 */
export type SaveSink = WebSink | WriteSink;

/** @internal What is written to, whatever it is. */
export interface Target {
  /** Settles when the next piece may come. */
  write(bytes: OwnBytes): Promise<void>;
  end(): Promise<void>;
  abort(reason: unknown): Promise<void>;
}
