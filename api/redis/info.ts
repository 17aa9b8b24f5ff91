/**
 * A field of a reply to INFO, such as `used_memory`; `''` when it is not there.
 * @see https://redis.io/docs/latest/commands/info/
 */
export function infoField(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
}
