/** `npm run demo`: a small catalogue, two customers and some purchases, to look at. Repeating it adds nothing. */
import { type Client, createClient, ShopProblem } from '../../api/client/client.ts';
import type { NewProduct } from '../../api/client/types.ts';

/** The customers. Their password is no secret: the demo is for a shop without real customers. */
const customers = [
  {
    email: 'bea@example.com',
    firstName: 'Bea',
    lastName: 'Brandt',
    buys: [
      ['demo-tent', 1],
      ['demo-stove', 2],
    ],
  },
  {
    email: 'carl@example.com',
    firstName: 'Carl',
    lastName: 'Costa',
    buys: [
      ['demo-lamp', 3],
      ['demo-map', 1],
      ['demo-rope', 1],
    ],
  },
] as const;
const password = 'a walk in the hills';

/** id, name, description, category, company, price in minor units, stock */
const catalogue: readonly (readonly [string, string, string, string, string, number, number])[] = [
  [
    'demo-boots',
    'Ridge Hiking Boots',
    'Waterproof leather boots for long days on rough ground.',
    'footwear',
    'Gravitator',
    18900,
    40,
  ],
  ['demo-sandals', 'River Sandals', 'Light sandals that dry within minutes.', 'footwear', 'Gravitator', 6400, 75],
  ['demo-tent', 'Two-Person Tent', 'Stands in five minutes, weighs 1.9 kg.', 'camping', 'Daybird', 32900, 12],
  ['demo-bag', 'Three-Season Sleeping Bag', 'Down, warm to -4 °C.', 'camping', 'Daybird', 24900, 18],
  ['demo-mat', 'Sleeping Mat', 'Self-inflating, 5 cm.', 'camping', 'Daybird', 8900, 30],
  ['demo-stove', 'Gas Stove', 'Boils a litre of water in three minutes.', 'cooking', 'Solsta', 5400, 60],
  ['demo-pot', 'Titanium Pot', 'One litre, 110 g, with a lid.', 'cooking', 'Solsta', 4700, 45],
  ['demo-bottle', 'Steel Bottle', 'Keeps tea hot for twelve hours.', 'cooking', 'Solsta', 2900, 120],
  ['demo-lamp', 'Head Lamp', '300 lumen, rechargeable.', 'light', 'Lumen & Sons', 3900, 90],
  ['demo-lantern', 'Camp Lantern', 'Dimmable, 60 hours on one charge.', 'light', 'Lumen & Sons', 5900, 25],
  ['demo-pack', 'Trekking Backpack', '55 litres, with a rain cover.', 'bags', 'Gravitator', 15900, 22],
  ['demo-daypack', 'Day Pack', '18 litres, folds into its own pocket.', 'bags', 'Gravitator', 4900, 64],
  ['demo-map', 'Mountain Map 1:25 000', 'Printed on tear-proof paper.', 'navigation', 'Northing', 1490, 200],
  ['demo-compass', 'Compass', 'With a mirror and a declination scale.', 'navigation', 'Northing', 4400, 35],
  ['demo-rope', 'Climbing Rope 60 m', '9.8 mm, dry treated.', 'climbing', 'Belay Works', 17900, 15],
  ['demo-chalk', 'Chalk Bag', 'With a brush holder.', 'climbing', 'Belay Works', 1990, 80],
];

/**
 * Fills the shop. Each part is made under an id or key of its own, so that a repetition finds it.
 * @param admin signed in
 */
export async function runDemo(
  admin: Client,
  baseUrl: string,
  currency: string,
  log: (text: string) => void,
): Promise<void> {
  const products = catalogue.map(([id, name, description, category, company, amount, stock]) => {
    return { id, name, description, category, company, price: { amount, currency }, stock } as unknown as NewProduct;
  });
  const { data } = await admin.call('createProducts', { body: { products: products as [NewProduct] } });
  const made = data.filter(({ status }) => status === 201).length;
  log(`${made} products created, ${data.length - made} already there`);
  for (const { buys, ...person } of customers) {
    const client = createClient({ baseUrl });
    await client.call('signUp', { body: { ...person, password } }).catch(unless('/problems/email-taken'));
    await client.signIn({ email: person.email, password });
    if ((await client.call('listPurchases', { query: { limit: 1 } })).data.length === 0) {
      for (const [productId, quantity] of buys) {
        await client.call('buy', { body: { items: [{ productId, quantity }] }, idempotencyKey: `demo-${productId}` });
      }
    }
    log(`customer ${person.email}, password "${password}"`);
    await client.signOut();
  }
}

/** Takes a refusal of one type for done. */
function unless(type: string): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof ShopProblem) || error.problem.type !== type) throw error;
  };
}
