/** A set-up file of vitest: an answer of the shop that its OpenAPI document does not have fails the test in which it came. */
import { afterAll, afterEach, expect } from 'vitest';
import { answerFaults } from './documented.ts';

for (const when of [afterEach, afterAll]) {
  when(() => expect(answerFaults.splice(0), 'answers that the OpenAPI document does not have').toEqual([]));
}
