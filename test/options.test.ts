/**
 * Types and runtime agree: every call that takes options knows exactly those that its type lists. The types are asked of the
 * compiler, the runtime by an option that there is not, since the error names those that there are.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { ParallelZram } from '../bindings/parallel.js';
import { makeParallel } from './support/parallel.js';
import { callsOf, invoke, makeScene, removeFiles, type Name } from './support/public-calls.js';

interface Found {
  readonly type: string;
  readonly call: string;
  /** Which parameter the options are. */
  readonly at: number;
  readonly names: readonly string[];
}

const path = (file: string): string => fileURLToPath(new URL(`../${file}`, import.meta.url));

/** Each call of a public class that takes options, and the names that their type has. */
function typesOfOptions(): Found[] {
  const entries = ['bindings/index.ts', 'bindings/node.ts', 'bindings/parallel.ts'].map(path);
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path('tsconfig.json'), (file) => ts.sys.readFile(file)).config,
    ts.sys,
    path('.'),
  );
  const program = ts.createProgram(entries, options);
  const checker = program.getTypeChecker();
  const found = new Map<string, Found>();
  const add = (type: string, call: string, method: ts.Symbol, of: ts.Node): void => {
    if (!method.valueDeclaration || !ts.isMethodDeclaration(method.valueDeclaration)) return;
    if (ts.getJSDocTags(method.valueDeclaration).some(({ tagName }) => tagName.text === 'internal')) return;
    const [signature] = checker.getTypeOfSymbolAtLocation(method, of).getCallSignatures();
    signature.getParameters().forEach((parameter, at) => {
      const names = namesOf(checker, checker.getTypeOfSymbolAtLocation(parameter, of));
      if (names.length > 0) found.set(`${type} ${call} ${at}`, { type, call, at, names });
    });
  };
  for (const entry of entries) {
    const source = program.getSourceFile(entry)!;
    for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(source)!)) {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      if (!(symbol.flags & ts.SymbolFlags.Class)) continue;
      for (const method of checker.getDeclaredTypeOfSymbol(symbol).getProperties()) {
        add(symbol.name, method.name, method, source);
      }
      for (const method of checker.getTypeOfSymbolAtLocation(symbol, source).getProperties()) {
        add(symbol.name, `static ${method.name}`, method, source);
      }
    }
  }
  return [...found.values()];
}

const OBJECTS = ts.TypeFlags.Object | ts.TypeFlags.Intersection;

/** Of the objects among what a parameter may be, in which each property may be left out; none for other parameters. */
function namesOf(checker: ts.TypeChecker, type: ts.Type): string[] {
  const parts = type.isUnion() ? type.types : [type];
  return parts.flatMap((part) => {
    const properties = part.flags & OBJECTS ? part.getProperties() : [];
    const isOptional = properties.every(({ flags }) => flags & ts.SymbolFlags.Optional);
    return isOptional && !checker.isArrayType(part) ? properties.map(({ name }) => name) : [];
  });
}

// OpfsBacking is for browsers; what has a # is nobody's to call; a base class is seen in those that extend it.
const found = typesOfOptions().filter(
  ({ type, call }) => type !== 'OpfsBacking' && type !== 'ReadableDevice' && !call.includes('#'),
);
const scene = makeScene();
const calls = callsOf(scene);
let parallel: ParallelZram;
beforeAll(async () => {
  ({ zram: parallel } = await makeParallel({ disksize: '1M' }));
});
afterAll(async () => {
  await parallel.destroy();
  scene.end();
  removeFiles();
});

/** The names that the call's error has when it is given another one. */
async function namesOfRuntime({ type, call, at }: Found): Promise<string[]> {
  const wrong = { noSuchOption: 1 };
  let message = 'nothing was refused';
  try {
    if (type !== 'ParallelZram') {
      const args = calls[type as Name][call].map(({ good }) => good);
      args[at] = wrong;
      await invoke(scene, type as Name, call, args);
    } else if (call === 'static create') {
      await ParallelZram.create(wrong as never);
    } else {
      await (parallel as unknown as Record<string, (given: object) => Promise<unknown>>)[call](wrong);
    }
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toMatch(/^EINVAL: .+ has no option 'noSuchOption'; its options: [a-zA-Z, ]+\.$/);
  return message.replace(/^.*its options: |\.$/g, '').split(', ');
}

describe('the runtime knows the options that the type lists', () => {
  test.each(found.map((each) => [`${each.type}, ${each.call}`, each] as const))('%s', async (_name, each) => {
    expect((await namesOfRuntime(each)).sort()).toEqual([...new Set(each.names)].sort());
  });
});

test('every class with options is found', () => {
  const taking = new Set(found.map(({ type, call }) => `${type} ${call}`));
  for (const expected of [
    ...['Engine static create', 'Engine createPool', 'Engine createZram', 'Engine createZswap', 'Engine loadAll'],
    ...[
      'Engine createStateHistory',
      'ZsPool createKsmd',
      'ZsPool merge',
      'ZsPool read',
      'Zram static load',
      'Zram idle',
    ],
    ...['Zram recompress', 'Zram writeback', 'Zram static saveAll', 'StateHistory push', 'StateHistory static create'],
    ...['ParallelZram static create', 'ParallelZram merge', 'ParallelZram recompress', 'ParallelZram idle'],
  ]) {
    expect(taking).toContain(expected);
  }
});
