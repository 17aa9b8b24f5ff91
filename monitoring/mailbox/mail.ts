/** The subject of a mail, which names its file. */
import PostalMime from 'postal-mime';

/** The subject of a raw mail, unfolded, its encoded words (RFC 2047) decoded. */
export async function subjectOf(mail: string | Uint8Array): Promise<string> {
  return (await PostalMime.parse(mail)).subject?.trim() ?? '';
}

/** Such as `20261120T184015123Z-CRITICAL-users-is-down-no-replica-answers.eml`: sorted by name is sorted by time. */
export async function fileNameOf(mail: string | Uint8Array, at: Date): Promise<string> {
  const time = at.toISOString().replace(/[-:.]/g, '');
  const words = (await subjectOf(mail)).replace(/[^A-Za-z0-9]+/g, '-').replace(/^-|-$/g, '');
  return `${time}-${words.slice(0, 80) || 'no-subject'}.eml`;
}
