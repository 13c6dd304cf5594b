/**
 * Every public call with wrong types, sizes, ranges and in wrong states: the code, a sentence, and nothing changed.
 *
 * support/public-calls.ts is the table; a new call gets a line there, and the test of completeness fails until it has one.
 */
import { afterAll, describe, expect, test } from '@jest/globals';
import * as library from '../bindings/index.js';
import * as node from '../bindings/node.js';
import { callsOf, invoke, makeScene, removeFiles, type Name, type Scene } from './support/public-calls.js';
import { show, type Parameter } from './support/wrong-values.js';
import { expectSentence, thrownBy } from './support/errors.js';

/** Statics that the declarations leave out. */
const INTERNAL = [
  ...['isAt', 'addressOf', 'attach', 'coreOf', 'detach', 'initLoaded', 'check', 'diskOf', 'hostOf', 'kernelOf', 'make'],
  ...['writeBlockOf', 'readListed'],
];

const scene = makeScene();
const calls = callsOf(scene);
/** What the scene was like after the last call. */
let printed = scene.print();
const names = Object.keys(calls) as Name[];
afterAll(() => {
  scene.end();
  removeFiles();
});

const goodOf = (parameters: readonly Parameter[]): unknown[] => parameters.map(({ good }) => good);

describe.each(names)('wrong arguments of %s', (name) => {
  const rows = Object.entries(calls[name]).flatMap(([call, parameters]) =>
    parameters.flatMap(({ wrong, coded = [] }, at) =>
      [...wrong.map((value) => [value, 'EINVAL'] as const), ...coded].map(([value, code]) => {
        const args = goodOf(parameters);
        args[at] = value;
        return { title: `${call}(${args.map(show).join(', ')})`, call, args, code };
      }),
    ),
  );
  test.each(rows)('$title is $code', async ({ call, args, code }) => {
    const before = printed;
    expectSentence(await thrownBy(() => invoke(scene, name, call, args)), code);
    printed = scene.print();
    expect(printed).toBe(before);
  });
});

/** Each call by itself, on a scene of its own, with arguments that are right. */
const eachCall = names.flatMap((name) => Object.keys(calls[name]).map((call) => [name, call] as const));

async function outcome(name: Name, call: string, prepare: (scene: Scene) => void): Promise<unknown> {
  const own = makeScene();
  const args = goodOf(callsOf(own)[name][call] ?? []);
  prepare(own);
  let made: unknown;
  const error = await thrownBy(async () => (made = await invoke(own, name, call, args)));
  (made as { destroy?: () => void } | undefined)?.destroy?.();
  own.end();
  return error;
}

test.each(eachCall)('%s, %s: what is right goes through', async (name, call) => {
  const error = await outcome(name, call, () => undefined);
  if (name === 'Zram' && ['init', 'setBacking'].includes(call)) expectSentence(error, 'EBUSY');
  else expect(error).toBeUndefined();
});

describe('afterwards', () => {
  const end = (...ended: readonly Name[]) => ({
    how: ended.join(' and '),
    make: ({ subjects }: Scene) => ended.forEach((name) => (subjects[name] as { destroy: () => void }).destroy()),
  });
  const [itself, engine, pool] = [(name: Name) => end(name), () => end('Engine'), () => end('ZsPool')];
  const states: Record<Name, readonly { how: string; make: (scene: Scene) => void }[]> = {
    Engine: [itself('Engine')],
    ZsPool: [itself('ZsPool'), engine()],
    Zram: [itself('Zram'), pool(), engine()],
    ZramSnapshot: [itself('ZramSnapshot'), pool(), engine()],
    Sysfs: [itself('Zram'), pool(), engine()],
    Zswap: [itself('Zswap'), pool(), engine()],
    StateHistory: [itself('StateHistory'), pool(), engine()],
    Ksmd: [itself('Ksmd'), pool(), engine()],
    PageFs: [itself('PageFs'), pool(), engine()],
    MemoryBacking: [],
    FileBacking: [itself('FileBacking')],
  };
  const isEnd = (call: string): boolean => call === 'destroy' || call === '[Symbol.dispose]';
  const rows = eachCall
    .filter(([, call]) => !call.startsWith('static') && call !== 'new')
    .flatMap(([name, call]) => states[name].map(({ how, make }) => ({ name, call, how, make })));

  test.each(rows)('the end of $how: $name, $call', async ({ name, call, make }) => {
    const error = await outcome(name, call, make);
    if (isEnd(call)) expect(error).toBeUndefined();
    else expectSentence(error, 'EINVAL');
  });
});

describe('a device without a disksize', () => {
  const statistics = ['get disksize', 'get kernel', 'get mmStat', 'get ioStat', 'get bdStat', 'get debugStat'];
  const allowed = ['init', 'setBacking', 'reset', ...statistics, 'destroy', '[Symbol.dispose]'];
  const rows = Object.keys(calls.Zram).filter((call) => !call.startsWith('static'));

  test.each(rows)('%s', async (call) => {
    const error = await outcome('Zram', call, ({ subjects }) => subjects.Zram.reset());
    if (allowed.includes(call)) expect(error).toBeUndefined();
    else expectSentence(error, 'EINVAL');
  });
});

describe('the table is complete', () => {
  const exported = Object.entries({ ...library, ...node }).filter(([, value]) => typeof value === 'function');
  // OpfsBacking can only be made in a browser: test/package has it.
  const elsewhere = ['ZramError', 'OpfsBacking'];
  const classes = exported.filter(([name]) => !elsewhere.includes(name)) as [Name, { prototype: object }][];

  test('it has every class, and the attributes', () => {
    expect([...classes.map(([name]) => name), 'Sysfs', 'PageFs'].sort()).toEqual([...names].sort());
  });

  test.each(classes)('it has every call of %s', (name, type) => {
    const own = (object: object, from: string): string[] =>
      Object.entries(Object.getOwnPropertyDescriptors(object)).flatMap(([property, { value, get, set }]) => {
        if (typeof value === 'function') return property === 'constructor' ? [] : [`${from}${property}`];
        return [...(get ? [`get ${property}`] : []), ...(set ? [`set ${property}`] : [])];
      });
    const statics = own(type, 'static ').filter((call) => !INTERNAL.includes(call.slice('static '.length)));
    const dispose = Symbol.dispose in type.prototype ? ['[Symbol.dispose]'] : [];
    const listed = Object.keys(calls[name] ?? {}).filter((call) => call !== 'new');
    const methods: string[] = [];
    for (let object = type.prototype; object !== Object.prototype; object = Object.getPrototypeOf(object) as object) {
      methods.push(...own(object, ''));
    }
    expect([...methods, ...statics, ...dispose].sort()).toEqual(listed.sort());
  });

  test('it has every call of the attributes', () => {
    expect(Object.keys(scene.subjects.Sysfs).sort()).toEqual(Object.keys(calls.Sysfs).sort());
  });

  const made = classes.filter(([name]) => !Object.hasOwn(calls[name] ?? {}, 'new'));
  test.each(made)('new %s() tells what to call instead', async (_name, type) => {
    const Type = type as unknown as new (...args: unknown[]) => unknown;
    for (const args of [[], [undefined], [{ disksize: '1M' }], [scene.subjects.ZsPool]]) {
      expectSentence(await thrownBy(() => new Type(...args)), 'EINVAL');
    }
  });
});
