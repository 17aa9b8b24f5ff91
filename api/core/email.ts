/** When two e-mail addresses are the same to the shop. */

/** The form of an address for comparison: equal for addresses that differ only in letter case or in compatible characters (NFKC). */
export function emailIdentity(email: string): string {
  return email.normalize('NFKC').toLowerCase().normalize('NFKC');
}
