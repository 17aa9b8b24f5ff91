/** The processes of the cluster and the service under test, and where each is. */

const members = ['r1', 'r2', 'r3', 's1', 's2', 's3', 'service'] as const;
export type Member = (typeof members)[number];

export const processes = members.filter((member) => member !== 'service');
export const redisNodes: readonly Member[] = ['r1', 'r2', 'r3'];
export const isSentinel = (member: Member) => member.startsWith('s') && member !== 'service';
export const addressOf = (member: Member) => `127.0.0.${(isSentinel(member) ? 20 : 10) + Number(member[1])}`;
