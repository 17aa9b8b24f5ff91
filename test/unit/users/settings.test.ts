/** The key that signs access tokens, as a setting. */
import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { userSettings } from '../../../api/users/settings.ts';

const pemOf = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const base64Of = (text: string) => Buffer.from(text).toString('base64');
const pem = pemOf('P-256');

test.each([
  ['a P-256 key as PEM', pem],
  ['its base64, for an environment without line breaks', base64Of(pem)],
])('%s becomes the PEM', (_form, given) => {
  expect(userSettings.JWT_PRIVATE_KEY.parse(given)).toBe(pem);
});

test.each([
  ['a key of another curve', pemOf('P-384')],
  ['a PEM without a key', '-----BEGIN PRIVATE KEY-----'],
  ['another text', 'a secret'],
])('%s is refused, and the message does not repeat it', (_what, given) => {
  const { error } = userSettings.JWT_PRIVATE_KEY.safeParse(given);
  expect(error?.issues.map(({ message }) => message)).toEqual([
    'must be an EC private key on P-256 as PKCS#8 PEM, or its base64',
  ]);
  expect(error?.message).not.toContain(given);
});
