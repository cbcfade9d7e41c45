// Prints "N passed, N failed" from the file that vitest's JSON reporter wrote; fails when no test ran or any failed.
import { readFileSync } from 'node:fs';

const { passed, failed } = countResults(process.argv[2]);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;

function countResults(file) {
  let results;
  try {
    results = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 0 }; // The run ended before its tests began.
  }
  // A file that could not even be loaded has no tests that could fail.
  const broken = results.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  );
  return { passed: results.numPassedTests, failed: results.numFailedTests + broken.length };
}
