/** The scripts of products. */
import { defineKeyedScript, defineReadScript, defineScript } from '../redis/define-script.ts';

const fileOf = (name: string) => new URL(`./lua/${name}.lua`, import.meta.url);

const include = new URL('./prelude.lua', import.meta.url);
const includeForReads = new URL('./read-prelude.lua', import.meta.url);
const includeForSearches = new URL('./search-prelude.lua', import.meta.url);

/** See `wordKeys` in keys.ts. */
const wordKeyNames = ['wordStart', 'vocabulary', 'lastNumber', 'idsStart'] as const;

/** What is stored of a product, as save.lua and restock.lua reply it. */
const product = ['doc', 'stock', 'at', 'version', 'generation'] as const;

/** Each is explained in the head of its file. */
export const scripts = {
  save: defineKeyedScript(fileOf('save'), {
    keys: ['product', ...wordKeyNames, 'olderWords', '...indexes'],
    args: ['id', 'readDocument', 'tags', 'doc', 'name', 'price', 'documentVersion', 'stock', 'at', '...members'],
    replies: {
      created: ['id', 'at', 'generation'],
      updated: product,
      deleted: [],
      exists: [],
      conflict: [],
      stale: [],
    },
    include,
  }),
  createProducts: defineScript(fileOf('create-products'), {
    keys: ['stream', ...wordKeyNames, '...keys'],
    args: ['fingerprint', 'nonce', 'lifetime', 'request', 'count', '...values'],
    replies: { made: ['replies'] },
    include,
  }),
  moveOlderWords: defineScript(fileOf('move-older-words'), {
    keys: ['product', ...wordKeyNames, 'olderWords'],
    args: ['most'],
    replies: { moved: ['left'] },
    include,
  }),
  restock: defineKeyedScript(fileOf('restock'), {
    keys: ['product'],
    args: ['id', 'delta', 'most', 'tags'],
    replies: { restocked: product, short: ['stock'], full: ['stock'], missing: [], stale: [] },
  }),
  bindBatch: defineKeyedScript(fileOf('bind-batch'), {
    keys: [],
    args: ['id'],
    replies: { bound: ['id'] },
    olderResults: { claimed: 'bound' }, // 5eb7839
  }),
  reserve: defineScript(fileOf('reserve'), {
    keys: ['reservation', 'stream', '...products'],
    args: ['request', 'purchase', 'reservedMs', 'refusedMs', '...quantities'],
    replies: {
      reserved: ['eventId', 'at', 'items'],
      'sold-out': ['short'],
      'unknown-product': ['places'],
      released: [],
    },
    whenFull: 'go-on',
  }),
  release: defineScript(fileOf('release'), {
    keys: ['reservation', 'stream', '...products'],
    args: ['request', 'purchase', 'keptMs', 'source', 'items'],
    replies: { released: ['eventId', 'at'], conflict: [] },
    whenFull: 'go-on',
  }),
};

/** The scripts that read, on replicas, in bounded time. */
export const readScripts = {
  expandPrefixes: defineReadScript(fileOf('expand-prefixes'), {
    keys: ['vocabulary', 'wordStart', 'olderWords'],
    args: ['most', '...prefixes'],
    reply: ['micros', 'older', '...found'],
  }),
  gatherWords: defineReadScript(fileOf('gather-words'), {
    keys: ['vocabulary', 'wordStart', 'idsStart', 'olderWords'],
    args: ['first', 'second', 'after', 'mostEntries', 'mostOfWord', 'mostMicros', '...wanted'],
    reply: ['micros', 'lookups', 'entries', 'state', 'word', 'number', '...ids'],
    include: includeForSearches,
  }),
  readProducts: defineReadScript(fileOf('read-products'), {
    keys: ['...products'],
    args: ['enough', '...fields'],
    reply: ['...found'],
    include: includeForReads,
  }),
  readRange: defineReadScript(fileOf('read-range'), {
    keys: ['index', 'product'],
    args: ['first', 'second', 'order', 'most', 'enough', '...fields'],
    reply: ['...found'],
    include: includeForReads,
  }),
  scanIndex: defineReadScript(fileOf('scan-index'), {
    keys: ['index', 'wordStart', 'product', 'olderWords', '...scope'],
    args: ['first', 'second', 'order', 'mostEntries', 'mostMatches', 'mostMicros', '...wanted'],
    reply: ['micros', 'lookups', 'entries', 'last', 'state', '...matches'],
    include: includeForSearches,
  }),
  inspectProducts: defineReadScript(fileOf('inspect-products'), {
    keys: ['...products'],
    args: ['field', 'lowest', 'highest', 'stock'],
    reply: ['micros', '...values'],
  }),
};
