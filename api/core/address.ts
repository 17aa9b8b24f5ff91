/** Addresses of clients, as limits count them. */
import { isIPv6 } from 'node:net';

/**
 * The part of an address that stands for one client: an IPv4 address as it is (also one written as IPv6, RFC 4291 §2.5.5.2), of an IPv6
 * address the first 64 bits, because a single client usually has such a network to itself (RFC 6177).
 * @param address as Nginx saw it; text that is not an address is returned unchanged
 */
export function addressIdentity(address: string): string {
  const plain = address.replace(/%.*$/, ''); // fe80::1%eth0
  if (!isIPv6(plain)) return address;
  const groups = groupsOf(plain);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return [groups[6] ?? 0, groups[7] ?? 0].flatMap((group) => [group >> 8, group & 0xff]).join('.');
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** The eight 16-bit groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  // The URL parser writes a dotted tail as two groups.
  const normal = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = normal.split('::');
  const numbers = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return numbers(head);
  const [first, last] = [numbers(head), numbers(tail)];
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}
