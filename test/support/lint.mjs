/**
 * Lints texts in the place of files, with the rules of our own alone, all in one process: most of the time goes into
 * reading the types of the project.
 *
 *   node test/support/lint.mjs '[[FILE, TEXT]…]'    prints [ruleId, line, messageId]… of each
 */
import { ESLint } from 'eslint';

const OURS = /^(local|house)\//;

const eslint = new ESLint({ ruleFilter: ({ ruleId }) => OURS.test(ruleId) });
const found = [];
for (const [filePath, text] of JSON.parse(process.argv[2])) {
  const [{ messages }] = await eslint.lintText(text, { filePath });
  const fatal = messages.find((message) => message.fatal);
  if (fatal) throw new Error(`${filePath}: ${fatal.message}`);
  found.push(messages.map(({ ruleId, line, messageId }) => [ruleId, line, messageId]));
}
console.log(JSON.stringify(found));
