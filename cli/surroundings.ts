/** What commands use besides their arguments, and what they return. */
export interface Surroundings {
  readonly stdin: AsyncIterable<Uint8Array>;
  /** The most memory that the engine may take; 4 GiB by default. */
  readonly maxMemory: string | undefined;
  /** This program's own script, which other threads run; undefined: there is one thread. */
  readonly script?: URL | undefined;
  readonly progress: (text: () => string) => void;
  /** Takes a remark that is not a failure: a sentence without its full stop. */
  readonly remark: (text: string) => void;
  /** Prints a report at once, before that of the command's end. */
  readonly announce: (report: Report) => void;
}

/** The report of a command, as text and as JSON, without the line end of the last line. */
export interface Report {
  text(version: string): string;
  json(version: string): string;
}
