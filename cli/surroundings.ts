/** What commands use beside their arguments, and what they answer. */
export interface Surroundings {
  readonly stdin: AsyncIterable<Uint8Array>;
  /** The most that the engine may take; 4 GiB where it is not said. */
  readonly maxMemory: string | undefined;
  readonly progress: (text: () => string) => void;
  /** Something to know that is no failure, in a sentence without its full stop. */
  readonly remark: (text: string) => void;
}

/** The answer of a command, for people and for programs, without the line end of the last line. */
export interface Report {
  text(version: string): string;
  json(version: string): string;
}
