/** Reading a mail as far as its file's name needs it. */

/** The subject of a raw mail, unfolded, its encoded words (RFC 2047) decoded. */
export function subjectOf(mail: string): string {
  const head = mail.split(/\r?\n\r?\n/, 1)[0] ?? '';
  const folded = /^subject:[ \t]*((?:.*\r?\n[ \t])*.*)/im.exec(head)?.[1] ?? '';
  return folded
    .replace(/\r?\n[ \t]+/g, ' ')
    .replace(/(=\?[^?]+\?[bq]\?[^?]*\?=)\s+(?==\?)/gi, '$1')
    .replace(/=\?([^?]+)\?([bq])\?([^?]*)\?=/gi, (_word, _charset, how: string, text: string) => {
      if (how.toLowerCase() === 'b') return Buffer.from(text, 'base64').toString();
      const bytes = text
        .replaceAll('_', ' ')
        .replace(/=([0-9A-F]{2})/gi, (_hex, code) => String.fromCharCode(Number.parseInt(code, 16)));
      return Buffer.from(bytes, 'latin1').toString();
    })
    .trim();
}

/** Such as `20261120T184015123Z-CRITICAL-users-is-down-no-replica-answers.eml`: sorted by name is sorted by time. */
export function fileNameOf(mail: string, at: Date): string {
  const time = at.toISOString().replace(/[-:.]/g, '');
  const words = subjectOf(mail)
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return `${time}-${words.slice(0, 80) || 'no-subject'}.eml`;
}
