/**
 * What the tests of the documents read out of Markdown: fenced snippets, headings as GitHub makes anchors of them, and
 * links. Enough for documents written by hand and by typedoc; not a parser of all Markdown.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface Snippet {
  readonly file: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** First word after the fence; empty for a picture in characters. */
  readonly language: string;
  /** The rest of that line. */
  readonly info: string;
  readonly text: string;
}

/** The documents that this repository keeps, but for what typedoc writes. */
export function documents(): string[] {
  const docs = readdirSync('docs').filter((name) => name.endsWith('.md'));
  return ['README.md', 'CHANGELOG.md', ...docs.map((name) => join('docs', name))];
}

export function apiDocuments(): string[] {
  const names = readdirSync('docs/api', { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.md')).map((name) => join('docs/api', name));
}

/** A document's lines, cut into those of fenced snippets and those of prose (fences replaced by empty lines). */
function split(file: string): { snippets: Snippet[]; prose: string[] } {
  const snippets: Snippet[] = [];
  const prose: string[] = [];
  let open: { line: number; info: string; lines: string[] } | undefined;
  for (const [index, text] of readFileSync(file, 'utf8').split('\n').entries()) {
    const fence = /^```(.*)$/.exec(text);
    prose.push(fence || open ? '' : text);
    if (!fence) {
      open?.lines.push(text);
    } else if (open) {
      const [language = '', ...info] = open.info.split(' ');
      snippets.push({ file, line: open.line, language, info: info.join(' '), text: `${open.lines.join('\n')}\n` });
      open = undefined;
    } else {
      open = { line: index + 1, info: (fence[1] ?? '').trim(), lines: [] };
    }
  }
  if (open) throw new Error(`${file}:${open.line}: the fence is never closed`);
  return { snippets, prose };
}

export const snippetsOf = (file: string): Snippet[] => split(file).snippets;

/** The anchors of a document: its headings in GitHub's spelling, and ids in HTML. */
export function anchorsOf(file: string): Set<string> {
  const anchors = new Set<string>();
  for (const text of split(file).prose) {
    for (const [, id = ''] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(text)?.[1];
    if (heading === undefined) continue;
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/\\(.)/g, '$1');
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Targets of a document's links and pictures, with their lines. */
export function linksOf(file: string): { target: string; line: number }[] {
  return split(file).prose.flatMap((text, index) =>
    [...text.replace(/`[^`]*`/g, '').matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)].map(([, target = '']) => ({
      target,
      line: index + 1,
    })),
  );
}
