/**
 * Mutants of source text: one small change each, of the kind that a slip of the hand makes. By lines and patterns, not by a
 * parser: what does not compile is thrown away, and AssemblyScript is as good as TypeScript.
 */
export interface Mutant {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly before: string;
  readonly after: string;
}

interface Rule {
  readonly pattern: RegExp;
  readonly to: readonly string[];
}

const word = (text: string): RegExp => new RegExp(`(?<= )${text.replace(/[|+*<>=&^]/g, '\\$&')}(?= )`, 'g');
const swap = (from: string, ...to: string[]): Rule => ({ pattern: word(from), to });

const RULES: readonly Rule[] = [
  swap('<', '<=', '>='),
  swap('<=', '<', '>'),
  swap('>', '>=', '<='),
  swap('>=', '>', '<'),
  swap('==', '!='),
  swap('!=', '=='),
  swap('===', '!=='),
  swap('!==', '==='),
  swap('+', '-'),
  swap('-', '+'),
  swap('*', '+'),
  swap('&&', '||'),
  swap('||', '&&'),
  swap('&', '|'),
  swap('|', '&'),
  swap('<<', '>>'),
  swap('>>', '<<'),
  swap('+=', '-='),
  swap('-=', '+='),
  { pattern: /\+\+/g, to: ['--'] },
  { pattern: /--/g, to: ['++'] },
  { pattern: /\btrue\b/g, to: ['false'] },
  { pattern: /\bfalse\b/g, to: ['true'] },
  { pattern: /\bawait /g, to: [''] },
  { pattern: /(?<=\b(?:if|while) \()(?=[^!])/g, to: ['!!0 && '] },
  { pattern: /(?<=[ (])!(?=[\w(])/g, to: [''] },
];
/** A number that is counted with, not one of a type's name or a longer one. */
const NUMBER = /(?<![\w.#$])(\d+)(?![\w.])/g;
/** A line that is one statement, which can be left out. */
const STATEMENT =
  /^\s+(?:(?:await )?[\w.#!?[\]]+\(.*\)|[\w.#[\]]+ (?:[-+|&]?=) .*|[\w.#]+(?:\+\+|--)|break|continue);$/;

/** Code of each line, with blanks in place of comments and strings. */
function codeOf(text: string): string[] {
  const blank = (match: string): string => match.replace(/[^\n]/g, ' ');
  return text
    .replace(/\/\*[\s\S]*?\*\//g, blank)
    .replace(/\/\/.*$/gm, blank)
    .replace(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, blank)
    .split('\n');
}

/** Not what is checked in debug builds only, and no declarations of types. */
const SKIPPED =
  /^\s*(?:import |export \{|export type|export interface|interface |type |@|\/\/|if \(DEBUG\)|readonly |\})|assert\(/;

export function mutantsOf(file: string, text: string): Mutant[] {
  const lines = text.split('\n');
  const mutants: Mutant[] = [];
  for (const [index, code] of codeOf(text).entries()) {
    if (SKIPPED.test(code) || code.trim() === '') continue;
    const line = lines[index];
    const add = (after: string): void => void mutants.push({ file, line: index + 1, before: line, after });
    const put = (at: number, length: number, to: string): void => add(line.slice(0, at) + to + line.slice(at + length));
    for (const { pattern, to } of RULES) {
      for (const match of code.matchAll(pattern)) for (const text of to) put(match.index, match[0].length, text);
    }
    for (const match of code.matchAll(NUMBER)) put(match.index, match[0].length, String(Number(match[1]) + 1));
    if (STATEMENT.test(code)) add(`${/^\s*/.exec(line)?.[0] ?? ''};`);
  }
  return mutants;
}
