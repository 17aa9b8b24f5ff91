/** A set-up file of vitest: waits until what the files of the project share has started. */
import { inject } from 'vitest';

const answer = await fetch(inject('startUrl'));
const error = await answer.text();
if (!answer.ok) throw new Error(`What the files of this project share did not start: ${error}`);
