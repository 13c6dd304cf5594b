'use strict';

/** Ends jest's output with one line of plain counts. A test file that could not be run counts as one failure. */
class SummaryReporter {
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const line = `\n${results.numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`;
    // jest runs its own summary after every other reporter; ours has to be the last word.
    process.once('exit', () => process.stderr.write(line));
  }
}

module.exports = SummaryReporter;
