/** Which characters names and descriptions may contain. */
import { expect, test } from 'vitest';
import { faultOfLine, faultOfLines } from '../../../api/core/text.ts';

test.each(['Größe 42', '中文 名', 'نام\u200cها', '👩‍👩‍👧 & ❤️', ' padded ', "O'Neil-Smith"])('%j is a name', (text) => {
  expect(faultOfLine(text)).toBeUndefined();
});

test.each(['a\nb', 'a\tb', '\u0001', 'a\u0085b', 'a\u007f', 'a\u2028b', 'a\u2029b'])('%j is no name', (text) => {
  expect(faultOfLine(text)).toMatch(/control characters/);
});

test.each(['', ' ', '\u200b', '\u00ad\u2060', '\ufeff', '\u3164', '\ufe0f'])('%j is blank', (text) => {
  expect(faultOfLine(text)).toBe('must not be blank');
});

test('a description may be empty and have lines and tabs, but no other control characters', () => {
  for (const text of ['', 'one\ntwo\r\n\tthree', '\u200b']) expect(faultOfLines(text)).toBeUndefined();
  for (const text of ['\u0001', 'a\u001b[31m', '\u0085']) expect(faultOfLines(text)).toMatch(/control characters/);
});
