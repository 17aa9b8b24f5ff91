/** Which characters a text from outside may contain. NUL and lone surrogates are refused in every text: see http/body.ts. */

/** Control characters (Unicode's Cc) and both separators of lines and paragraphs. */
const controlCharacter = /[\p{Cc}\u2028\u2029]/u;
const controlCharacterInLines = /[^\P{Cc}\t\n\r]/u;
const visibleCharacter = /[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u;

/** Why a text of one line, such as a name, is refused; `undefined` if it is not. It needs a character that can be seen. */
export function faultOfLine(text: string): string | undefined {
  if (controlCharacter.test(text)) return 'must not contain control characters or line breaks';
  return visibleCharacter.test(text) ? undefined : 'must not be blank';
}

/** Why a text that may have several lines is refused; `undefined` if it is not. Tabs are allowed, too. */
export function faultOfLines(text: string): string | undefined {
  return controlCharacterInLines.test(text)
    ? 'must not contain control characters but tabs and line breaks'
    : undefined;
}

/** A fault as the arguments of zod's `refine`. */
export function refusing(faultOf: (text: string) => string | undefined) {
  return [
    (text: string) => faultOf(text) === undefined,
    { error: ({ input }: { readonly input?: unknown }) => faultOf(String(input)) },
  ] as const;
}
