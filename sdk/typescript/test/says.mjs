import { test } from 'node:test';

/** A test of one statement about the documented call: of a parameter, or of the answer, errors or what is around it. */
export function says(parameter, statement, run) {
  return test(`${parameter}: ${statement}`, run);
}
