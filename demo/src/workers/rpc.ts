/**
 * Typed messages between the page and its workers: calls with an answer, and events without one. The page only draws;
 * everything that takes time is called through here.
 */

type Calls = Record<string, (argument: never) => unknown>;
type Argument<F> = F extends (argument: infer A) => unknown ? A : never;
type Result<F> = F extends (...args: never) => infer R ? Awaited<R> : never;
type ArgumentsOf<F> = undefined extends Argument<F> ? [argument?: Argument<F>] : [argument: Argument<F>];

interface CallMessage {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}
type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string | undefined } }
  | { readonly event: string; readonly detail: unknown };

/** An error of the worker: `code` is the one of a ZramError. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError';
  constructor(
    message: string,
    readonly code: string | undefined,
  ) {
    super(message);
  }
}

/** The page's side of a worker. */
export class WorkerClient<C, E> {
  readonly #worker: Worker;
  readonly #open = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  readonly #listeners = new Map<keyof E, (detail: never) => void>();
  #id = 0;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault();
      const error = new WorkerError(event.message || 'A worker could not be loaded.', undefined);
      for (const { reject } of this.#open.values()) reject(error);
      this.#open.clear();
    };
  }

  call<N extends keyof C & string>(name: N, ...[argument]: ArgumentsOf<C[N]>): Promise<Result<C[N]>> {
    return this.#send(name, argument, []);
  }

  /** As `call`, and hands over what is named in `transfer`. */
  callWith<N extends keyof C & string>(
    name: N,
    argument: Argument<C[N]>,
    transfer: Transferable[],
  ): Promise<Result<C[N]>> {
    return this.#send(name, argument, transfer);
  }

  /** One listener an event: each event has one place in the page that draws it. */
  on<N extends keyof E>(name: N, listener: (detail: E[N]) => void): void {
    this.#listeners.set(name, listener);
  }

  #send<N extends keyof C & string>(
    name: N,
    argument: Argument<C[N]> | undefined,
    transfer: Transferable[],
  ): Promise<Result<C[N]>> {
    const id = ++this.#id;
    this.#worker.postMessage({ id, name, argument } satisfies CallMessage, transfer);
    return new Promise((resolve, reject) => this.#open.set(id, { resolve, reject }));
  }

  #receive(answer: Answer): void {
    if ('event' in answer) {
      this.#listeners.get(answer.event as keyof E)?.(answer.detail as never);
      return;
    }
    const open = this.#open.get(answer.id);
    this.#open.delete(answer.id);
    if ('error' in answer) open?.reject(new WorkerError(answer.error.message, answer.error.code));
    else open?.resolve(answer.result as never);
  }
}

/** Sends an event to the page. */
export type Emit<E> = <N extends keyof E & string>(event: N, detail: E[N], transfer?: Transferable[]) => void;

/**
 * The worker's side. Calls run one after the other, in order, also those that wait for something; those named in
 * `atOnce` do not stand in the line.
 */
export function serve<C extends { [N in keyof C]: (argument: never) => unknown }, E>(
  make: (emit: Emit<E>) => C,
  atOnce: readonly (keyof C)[] = [],
): void {
  const scope = globalThis as unknown as MessagePort;
  const calls = make((event, detail, transfer = []) => scope.postMessage({ event, detail } satisfies Answer, transfer));
  let line: Promise<unknown> = Promise.resolve();

  async function answer({ id, name, argument }: CallMessage): Promise<void> {
    try {
      const result = await (calls as unknown as Calls)[name]!(argument as never);
      scope.postMessage({ id, result } satisfies Answer);
    } catch (error) {
      const { message } = error as Error;
      const { code } = error as { code?: unknown };
      scope.postMessage({ id, error: { message, code: typeof code === 'string' ? code : undefined } } satisfies Answer);
    }
  }

  scope.onmessage = ({ data }: MessageEvent<CallMessage>) => {
    if (atOnce.includes(data.name as keyof C)) void answer(data);
    else line = line.then(() => answer(data));
  };
}
