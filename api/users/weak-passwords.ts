/**
 * Which passwords are refused because they are among the first that an attacker tries. Fixed rules, no score: a password that none of
 * them names is accepted (NIST SP 800-63B §3.1.1.2: compare with a list of common values, prescribe no mix of characters).
 */
import { readFileSync } from 'node:fs';

/** What is compared: compatible characters are the same, and letter case makes no difference to an attacker's list. */
function normalized(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

const common = new Set(
  readFileSync(new URL('./common-passwords.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('# ')),
);

/** Why a password is refused, as it reads behind the name of the field; `undefined` when it is not. */
export function weaknessOf(password: string): string | undefined {
  const text = normalized(password);
  if (common.has(text)) return 'is one of the most common passwords';
  if (isOneBlockRepeated(text)) return 'is one block repeated';
  if (isSequence(text)) return 'is a keyboard or alphabet sequence';
  return undefined;
}

/** Whether a text is a block of at most half its length, over and over; the last one may be cut short. */
function isOneBlockRepeated(text: string): boolean {
  const characters = [...text];
  const half = Math.floor(characters.length / 2);
  for (let length = 1; length <= half; length++) {
    if (characters.every((character, i) => i < length || character === characters[i - length])) return true;
  }
  return false;
}

/** Rows and columns of the usual keyboards (QWERTY, QWERTZ, AZERTY, Cyrillic), the digits and the alphabet. */
const walks = [
  'abcdefghijklmnopqrstuvwxyzabc',
  '01234567890123',
  '1234567890-=',
  '!@#$%^&*()_+',
  'qwertyuiop[]',
  'asdfghjkl;',
  'zxcvbnm,./',
  'qwertzuiop',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  'йцукенгшщзхъ',
  'фывапролджэ',
  'ячсмитьбю',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/',
  'qazwsxedcrfvtgbyhnujmikolp',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
  '147258369',
];
const sequences = [...walks, ...walks.map((walk) => [...walk].reverse().join(''))];
/** A shorter piece of a keyboard is found in ordinary words. */
const minRun = 3;

/** Whether a text is nothing but runs of at least {@link minRun} along a sequence or of one character: `qwerty123456`, `aaaabbbb1111`. */
function isSequence(text: string): boolean {
  const isCovered = [true]; // isCovered[i]: the first i characters are such runs
  for (let start = 0; start <= text.length - minRun; start++) {
    if (!isCovered[start]) continue;
    for (let end = start + minRun; end <= text.length && isRun(text.slice(start, end)); end++) isCovered[end] = true;
  }
  return isCovered[text.length] === true;
}

function isRun(piece: string): boolean {
  return sequences.some((sequence) => sequence.includes(piece)) || piece === piece.charAt(0).repeat(piece.length);
}

/** The user whose password it is to be. */
type Owner = { readonly email: string; readonly firstName: string; readonly lastName: string };

/** Whether nothing but digits and signs is left of a password beside the user's own address and names. */
export function isMadeOfOwnName(password: string, { email, firstName, lastName }: Owner): boolean {
  const letters = (part: string) => part.replaceAll(/[^\p{L}\p{N}]/gu, '');
  const wholes = [email, ...email.split('@'), firstName, lastName];
  const words = [...wholes, ...wholes.flatMap((whole) => whole.split(/[^\p{L}\p{N}]+/u))]
    .map((word) => letters(normalized(word)))
    .filter((word) => word.length >= 3)
    .sort((a, b) => b.length - a.length);
  let left = letters(normalized(password));
  for (const word of words) left = left.replaceAll(word, ' ');
  return left.includes(' ') && !/\p{L}/u.test(left);
}
