/** Shells on several file systems, and scripts of harmless commands for them. */
import fc from 'fast-check';
import { Bash, type IFileSystem } from 'just-bash';

/** What a script printed, and how it ended. */
export interface Outcome {
  stdout: string;
  stderr: string;
  exitCode: number;
  /** just-bash throws what a redirection cannot open; the rest of the script is not run. */
  thrown: boolean;
}

export const HOME = '/shell';

export async function shellOn(fs: IFileSystem): Promise<Bash> {
  // Its guard replaces globals that jest wants back. The examples run with it.
  const shell = new Bash({ fs, cwd: '/', defenseInDepth: false });
  await shell.exec(`mkdir -p ${HOME}`);
  return shell;
}

/** Dates of listings are of the minute in which the script ran. */
const DATES = /[A-Z][a-z]{2} [ \d]\d (?:\d\d:\d\d| \d{4})/g;

export async function outcomeOf(shell: Bash, script: string): Promise<Outcome> {
  try {
    const { stdout, stderr, exitCode } = await shell.exec(script, { cwd: HOME });
    return { stdout: stdout.replace(DATES, 'DATE'), stderr: stderr.replace(DATES, 'DATE'), exitCode, thrown: false };
  } catch (error) {
    if (!/^E[A-Z]+: /.test((error as Error).message)) throw error;
    return { stdout: '', stderr: '', exitCode: -1, thrown: true };
  }
}

/** Names of directories are never names of files: InMemoryFs does not mind a file in a file. */
const directory = fc.constantFrom('d', 'e', 'e/f', 'e/f/g', 'h');
const name = fc.constantFrom('a', 'b', 'c.txt', '.hidden', 'two words', 'ü');
const file = fc
  .tuple(fc.option(directory, { nil: undefined }), name)
  .map(([folder, base]) => (folder === undefined ? `'${base}'` : `'${folder}/${base}'`));
const word = fc.constantFrom('one', 'two', 'three', 'word', 'Zeile', 'été', '1 2 3');

/** Commands that read and write files; no links. */
const command = fc.oneof(
  fc.tuple(word, file).map(([w, f]) => `echo ${w} > ${f}`),
  fc.tuple(word, file).map(([w, f]) => `printf '%s\\n%s\\n' ${w} tail >> ${f}`),
  fc.tuple(file, file).map(([a, b]) => `cat ${a} ${b}`),
  fc.tuple(file, file).map(([a, b]) => `cp ${a} ${b}`),
  fc.tuple(file, file).map(([a, b]) => `mv ${a} ${b}`),
  fc.tuple(file, directory).map(([f, d]) => `[ -d ${d} ] && cp ${f} ${d}`),
  fc.tuple(file, directory).map(([f, d]) => `[ -d ${d} ] && mv ${f} ${d}`),
  // InMemoryFs puts the content of two directories together where rename says that one is not empty.
  fc.tuple(directory, directory).map(([a, b]) => `[ -e ${b}/$(basename ${a}) ] || mv ${a} ${b}`),
  fc.tuple(directory, directory).map(([a, b]) => `cp -r ${a} ${b}`),
  directory.map((d) => `mkdir ${d}`),
  directory.map((d) => `mkdir -p ${d}`),
  directory.map((d) => `rmdir ${d}`),
  directory.map((d) => `rm -r ${d}`),
  directory.map((d) => `rm -rf ${d}`),
  file.map((f) => `rm ${f}`),
  file.map((f) => `rm -f ${f}`),
  fc.tuple(file, word).map(([f, w]) => `sed -i "s/o/${w}/" ${f}`),
  fc.tuple(file, word).map(([f, w]) => `sed -n "/${w}/p;\\$=" ${f}`),
  fc.tuple(file, word).map(([f, w]) => `grep -n ${w} ${f}`),
  fc.tuple(directory, word).map(([d, w]) => `grep -rc ${w} ${d} | sort`),
  directory.map((d) => `find ${d} | sort`),
  directory.map((d) => `find . -path './${d}/*' -type f -name '[ab]*' -size -2`),
  directory.map((d) => `ls -la ${d}`),
  fc.constant('ls -lR'),
  fc.constant('echo *; echo */*; echo **/a .[!.]*'),
  fc.constant('for f in *; do [ -f "$f" ] && wc -c < "$f"; done'),
  directory.map((d) => `cd ${d} && pwd && ls .. && cd -`),
  fc
    .tuple(file, fc.constantFrom('600', '755', 'u+x', 'go-r'))
    .map(([f, m]) => `chmod ${m} ${f}; stat -c '%a %s %F' ${f}`),
  file.map((f) => `touch -d 2020-01-02T03:04:05Z ${f}; ls -l ${f}`),
  file.map((f) => `[ -s ${f} ] && head -n 1 ${f} | tr a-z A-Z | tee -a ${f}`),
  fc.tuple(file, file).map(([a, b]) => `diff ${a} ${b} && cmp ${a} ${b}`),
  fc.tuple(directory, directory).map(([a, b]) => `diff -r ${a} ${b}`),
  directory.map((d) => `tar cf all.tar ${d} 2>&1; tar tf all.tar; rm -rf ${d}; tar xf all.tar && cat ${d}/*`),
  file.map((f) => `gzip -k ${f}; gunzip -c ${f}.gz | md5sum; rm -f ${f}.gz`),
  file.map((f) => `base64 ${f} > /tmp/b; base64 -d /tmp/b | sha1sum`),
  fc.tuple(file, file).map(([a, b]) => `sort ${a} 2>/dev/null | uniq -c > ${b} 2>&1; cat < ${b}`),
  fc.tuple(file, word).map(([f, w]) => `cat > ${f} << END\n$(echo ${w}) and\n\tmore\nEND`),
  file.map((f) => `xargs -n 1 echo < ${f} | nl`),
  file.map((f) => `split -b 3 ${f} part-; ls part-*; cat part-*; rm -f part-*`),
  fc.constant('du -a . | sort'),
  fc.constant('tree -a'),
);

export const script = fc.array(command, { minLength: 3, maxLength: 25 }).map((lines) => lines.join('\n'));

const place = fc.constantFrom('a', 'b', 'd/a', 'e/b', 'e/f/c', 'x', 'd/x', 'e/y');
const target = fc.constantFrom('a', '../a', 'd', 'f', '../d', '../e/f', 'nowhere', 'x', `${HOME}/d`, `${HOME}/e/f/c`);

/** Commands about links, on which InMemoryFs is no guide: the real disk is. They are such as Linux and just-bash agree on. */
const linkCommand = fc.oneof(
  fc.tuple(word, place).map(([w, p]) => `[ -d ${p} ] || [ ! -d "$(dirname ${p})" ] || echo ${w} > ${p}`),
  fc.tuple(word, place).map(([w, p]) => `[ -d ${p} ] || [ ! -d "$(dirname ${p})" ] || echo ${w} >> ${p}`),
  fc.tuple(target, place).map(([t, p]) => `[ -e ${p} ] || [ -L ${p} ] || ln -s ${t} ${p}`),
  place.map((p) => `[ -d ${p} ] || [ -L ${p} ] || rm -f ${p}`),
  // just-bash's rm does not find links that lead nowhere.
  place.map((p) => `[ -L ${p} ] && [ -e ${p} ] && rm ${p}`),
  fc.tuple(place, place).map(([a, b]) => `[ -f ${a} ] && [ ! -e ${b} ] && [ ! -L ${b} ] && cp ${a} ${b}`),
  fc
    .tuple(place, place)
    .map(([a, b]) => `[ -f ${a} ] && [ ! -L ${a} ] && [ ! -e ${b} ] && [ ! -L ${b} ] && mv ${a} ${b}`),
  fc.constantFrom('d', 'e', 'e/f').map((d) => `mkdir -p ${d}`),
  place.map((p) => `[ -f ${p} ] && cat ${p}`),
  place.map((p) => `[ -d ${p} ] && ls ${p}`),
  place.map((p) => `for t in -e -f -d -L; do [ $t ${p} ] && echo $t; done`),
);

export const linkScript = fc
  .array(linkCommand, { minLength: 5, maxLength: 30 })
  .map((lines) => ['mkdir -p d e/f', ...lines].join('\n'));
