/** The scripts of `redis/` itself. Both also run while memory is full: they keep nothing. */
import { defineKeyedScript, defineScript } from './define-script.ts';

const fileOf = (name: string) => new URL(`./lua/${name}.lua`, import.meta.url);

/** Each is explained in the head of its file. */
export const scripts = {
  lookup: defineKeyedScript(fileOf('lookup'), {
    keys: [],
    args: ['revoked'],
    replies: { 'no-record': [] },
    whenFull: 'go-on',
  }),
  padding: defineScript(fileOf('padding'), {
    keys: ['unused'],
    args: ['bytes'],
    replies: { done: [] },
    whenFull: 'go-on',
  }),
};
