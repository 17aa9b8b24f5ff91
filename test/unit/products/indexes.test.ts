/** What goes into the indexes of products. */
import { describe, expect, test } from 'vitest';
import { idOfMember, indexChanges, memberOf, wordChange, wordsOf, wordsOfText } from '../../../api/products/indexes.ts';
import { lamp } from './support.ts';

describe('words', () => {
  test('are folded: letter case, width, ligatures and composition do not matter', () => {
    expect(wordsOfText('ＬＡＭＰ lamp Café Cafe\u0301 ﬁne')).toEqual(['lamp', 'café', 'fine']);
  });

  test('are what stands between anything but letters and digits, in any script', () => {
    expect(wordsOfText("don't--stop 5W Straße 台灯, Лампа!")).toEqual([
      'don',
      't',
      'stop',
      '5w',
      'straße',
      '台灯',
      'лампа',
    ]);
    expect(wordsOfText(' -- !')).toEqual([]);
  });

  test('of a product come from name, company and description', () => {
    expect(wordsOf(lamp)).toEqual(['desk', 'lamp', 'lumen', 'co', 'warm', 'light', '5', 'w']);
  });
});

describe('index entries', () => {
  test('of a new product stand in nine sort indexes', () => {
    const changes = indexChanges(undefined, lamp);
    expect(changes).toHaveLength(9);
    expect(changes.every((change) => change.remove.length === 0)).toBe(true);
    expect(changes.find((c) => c.key === '{products}:by:price:category:Lamps')?.add).toEqual([
      '0000000000001999\0lamp-1',
    ]);
  });

  test('that stay are not touched by a change', () => {
    const changes = indexChanges(lamp, { ...lamp, priceMinor: 500 });
    expect(changes.map((change) => change.key)).toEqual([
      '{products}:by:price:all',
      '{products}:by:price:category:Lamps',
      '{products}:by:price:company:Lumen & Co',
    ]);
    expect(indexChanges(lamp, lamp)).toEqual([]);
    expect(wordChange(lamp, { ...lamp, priceMinor: 500 })).toEqual({ remove: [], add: [] });
  });

  test('move with category and words, and all go with the product', () => {
    const moved = indexChanges(lamp, { ...lamp, category: 'Desk', company: null, description: 'cold light' });
    const words = wordChange(lamp, { ...lamp, company: null, description: 'cold light' });
    expect(words).toEqual({ remove: ['lumen', 'co', 'warm', '5', 'w'], add: ['cold'] });
    expect(moved.find((c) => c.key === '{products}:by:name:category:Lamps')?.remove).toEqual(['desk lamp\0lamp-1']);
    expect(moved.find((c) => c.key === '{products}:by:name:category:Desk')?.add).toEqual(['desk lamp\0lamp-1']);
    expect(indexChanges(lamp, undefined).every((c) => c.add.length === 0 && c.remove.length > 0)).toBe(true);
    expect(wordChange(lamp, undefined)).toEqual({ remove: wordsOf(lamp), add: [] });
  });

  test('of endless names and words stay short and whole', () => {
    const long = { ...lamp, name: '😀'.repeat(100) + 'x'.repeat(50), description: 'ﷺ'.repeat(5000) + '𝒜'.repeat(70) };
    expect(memberOf(long, 'name')).toBe(`${'😀'.repeat(100)}\0lamp-1`);
    for (const { add } of indexChanges(undefined, long)) {
      for (const member of add) {
        expect(member.isWellFormed()).toBe(true);
        expect(Buffer.byteLength(member)).toBeLessThan(500);
        expect(idOfMember(member)).toBe('lamp-1');
      }
    }
    for (const word of wordChange(undefined, long).add) {
      expect(word.isWellFormed()).toBe(true);
      expect(Buffer.byteLength(word)).toBeLessThan(300);
    }
  });
});
