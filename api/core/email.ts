/** When two e-mail addresses are the same to the shop. */

/** What addresses have in common that differ only in letter case or in compatible characters (NFKC). Not for showing. */
export function emailIdentity(email: string): string {
  return email.normalize('NFKC').toLowerCase().normalize('NFKC');
}
