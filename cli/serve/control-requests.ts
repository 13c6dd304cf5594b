/** What can be asked for over the control socket: one JSON object a line. Anything else is refused with a reason. */

/** Longest line, in bytes: names have 4096 at most, and there are two. */
export const LINE_BYTES_MAX = 64 * 1024;

export type Request =
  | { readonly command: 'snapshot' | 'fork'; readonly from: string; readonly name: string }
  | { readonly command: 'remove'; readonly name: string; readonly force: boolean }
  | { readonly command: 'merge' | 'save' | 'stat' };

export type RequestName = Request['command'];

/** What a client may send to recognise the answer. */
export type Id = string | number | boolean | null;

/** A refusal, with a code as those of the system. */
export class ControlError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

type Kind = 'string' | 'boolean';

/** The fields of each request; those of kind `boolean` may be absent. */
const FIELDS: ReadonlyMap<string, Readonly<Record<string, Kind>>> = new Map([
  ['snapshot', { from: 'string', name: 'string' }],
  ['fork', { from: 'string', name: 'string' }],
  ['remove', { name: 'string', force: 'boolean' }],
  ['merge', {}],
  ['save', {}],
  ['stat', {}],
]);

export const REQUEST_NAMES = [...FIELDS.keys()] as readonly RequestName[];

/** The object on a line, and its id, which an answer has also if the rest is refused. */
export interface Line {
  readonly id: Id | undefined;
  readonly object: Readonly<Record<string, unknown>>;
}

/** @throws ControlError EINVAL */
export function parseLine(line: Uint8Array): Line {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
  } catch {
    throw new ControlError('EINVAL', 'a request must be one line of JSON in UTF-8');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ControlError('EINVAL', 'a request must be a JSON object');
  const { id, ...object } = value as Record<string, unknown>;
  if (id === undefined || id === null) return { id, object };
  if (typeof id === 'object') throw new ControlError('EINVAL', "the field 'id' must not be an object or array");
  return { id: id as Id, object };
}

/** @throws ControlError EINVAL */
export function requestOf({ command, ...fields }: Readonly<Record<string, unknown>>): Request {
  const known = typeof command === 'string' ? FIELDS.get(command) : undefined;
  if (known === undefined)
    throw new ControlError('EINVAL', `the field 'command' must be one of ${REQUEST_NAMES.join(', ')}`);
  const name = String(command);
  for (const field of Object.keys(fields))
    if (!Object.hasOwn(known, field)) throw new ControlError('EINVAL', `${name} has no such field: '${field}'`);
  const request: Record<string, unknown> = { command };
  for (const [field, kind] of Object.entries(known)) {
    const value = fields[field] ?? (kind === 'boolean' ? false : undefined);
    if (typeof value !== kind) throw new ControlError('EINVAL', `the field '${field}' of ${name} must be a ${kind}`);
    request[field] = value;
  }
  return request as unknown as Request;
}
