// A process of the tests: opens a file's backing when it is told to, says what came of it, and holds it until it is killed.
const [, , library, path] = process.argv;
const { FileBacking } = await import(library);
process.stdin.once('data', () => {
  try {
    FileBacking.open(path);
    console.log('held');
  } catch (error) {
    console.log(error.code ?? String(error));
  }
});
console.log('ready');
