/** The order of the Postman collection: one run from top to bottom signs up, signs in, fills, buys, cancels and cleans up. */

/** One request of the collection. `{{name}}` is a variable of the environment, or one that an earlier step has saved. */
export type Step = {
  /** The operation in the OpenAPI document, from which method, path and headers come. */
  readonly operation: string;
  readonly title: string;
  /** Whose token is sent; without it none. */
  readonly as?: 'customer' | 'admin';
  /** The values of path and query parameters. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Variables to be saved from the answer, with where each is: an expression in `answer` (its body). */
  readonly save?: Readonly<Record<string, string>>;
  /** What must hold, besides the status and the members that the document requires: expressions in `answer` and `pm`. */
  readonly holds?: Readonly<Record<string, string>>;
};

/** A folder of the collection. */
type Folder = { readonly name: string; readonly steps: readonly Step[] };

const price = { amount: 10_999, currency: '{{currency}}' };
const product = { name: 'Hiking Boots', category: 'footwear', company: 'Example Ltd', price, stock: 5 };
const items = [{ productId: '{{productId}}', quantity: 2 }];
const session = { accessToken: 'answer.accessToken', refreshToken: 'answer.refreshToken' };
const credentials = { email: '{{email}}', password: '{{password}}' };
const isCancelled = "answer.status === 'cancelled'";

/** All folders, in order. */
export const folders: readonly Folder[] = [
  {
    name: '1. Look around',
    steps: [
      { operation: 'getIndex', title: 'What there is' },
      { operation: 'getHealth', title: 'Health' },
      { operation: 'getDocument', title: 'OpenAPI document' },
      { operation: 'getEventDocument', title: 'AsyncAPI document' },
      { operation: 'getCollection', title: 'This collection' },
      { operation: 'getEnvironment', title: 'Its environment' },
      { operation: 'getDocs', title: 'The interactive page' },
      { operation: 'getDocsFile', title: 'A file of it', parameters: { file: 'page.css' } },
      { operation: 'listProblems', title: 'All problems' },
      { operation: 'getProblem', title: 'One problem', parameters: { code: 'insufficient-stock' } },
      { operation: 'listKeys', title: 'Keys that verify tokens' },
    ],
  },
  {
    name: '2. Sign up and in',
    steps: [
      {
        operation: 'signUp',
        title: 'Sign up',
        body: { ...credentials, firstName: 'Ann', lastName: 'Example' },
        save: { userId: 'answer.id' },
      },
      { operation: 'signIn', title: 'Sign in', body: credentials, save: session },
      {
        operation: 'refreshSession',
        title: 'Exchange the refresh token',
        body: { refreshToken: '{{refreshToken}}' },
        save: session,
      },
      {
        operation: 'getOwnUser',
        title: 'Who am I',
        as: 'customer',
        save: { etag: "pm.response.headers.get('ETag')" },
      },
      {
        operation: 'updateOwnUser',
        title: 'Change my name, unless it has changed',
        as: 'customer',
        headers: { 'If-Match': '{{etag}}' },
        body: { firstName: 'Anna' },
        holds: { 'it is the new name': "answer.firstName === 'Anna'" },
      },
      {
        operation: 'changePassword',
        title: 'Change my password',
        as: 'customer',
        body: { currentPassword: '{{password}}', newPassword: '{{newPassword}}' },
      },
    ],
  },
  {
    name: '3. Fill the shop (admin)',
    steps: [
      {
        operation: 'signIn',
        title: 'Sign in as admin',
        body: { email: '{{adminEmail}}', password: '{{adminPassword}}' },
        save: { adminToken: 'answer.accessToken' },
      },
      {
        operation: 'createProduct',
        title: 'Make a product',
        as: 'admin',
        body: product,
        save: { productId: 'answer.id' },
      },
      { operation: 'createProducts', title: 'Make many', as: 'admin', body: { products: [product] } },
      {
        operation: 'updateProduct',
        title: 'Change its price',
        as: 'admin',
        parameters: { id: '{{productId}}' },
        body: { price: { ...price, amount: 9999 } },
      },
      {
        operation: 'changeStock',
        title: 'Add stock',
        as: 'admin',
        parameters: { id: '{{productId}}' },
        body: { delta: 5 },
        holds: { 'there are 10': 'answer.stock === 10' },
      },
      {
        operation: 'listProducts',
        title: 'Search products',
        parameters: { q: 'hik boots', maxPrice: '20000', limit: '5' },
      },
    ],
  },
  {
    name: '4. Buy and cancel',
    steps: [
      {
        operation: 'buy',
        title: 'Buy two',
        as: 'customer',
        headers: { 'Idempotency-Key': '{{purchaseKey}}' },
        body: { items },
        save: { purchaseId: 'answer.id' },
        holds: { 'it is completed': "answer.status === 'completed'" },
      },
      {
        operation: 'buy',
        title: 'The same again: the same purchase',
        as: 'customer',
        headers: { 'Idempotency-Key': '{{purchaseKey}}' },
        body: { items },
        holds: {
          'it is the same': "answer.id === pm.variables.get('purchaseId')",
          'it says so': "pm.response.headers.get('Idempotent-Replayed') === 'true'",
        },
      },
      {
        operation: 'getProduct',
        title: 'What is left',
        as: 'customer',
        parameters: { id: '{{productId}}' },
        holds: { 'there are 8': 'answer.stock === 8' },
      },
      { operation: 'getPurchase', title: 'The purchase', as: 'customer', parameters: { id: '{{purchaseId}}' } },
      { operation: 'listPurchases', title: 'My purchases', as: 'customer' },
      { operation: 'listPurchaseEvents', title: 'Its history', as: 'customer', parameters: { id: '{{purchaseId}}' } },
      {
        operation: 'cancelPurchase',
        title: 'Cancel it',
        as: 'customer',
        parameters: { id: '{{purchaseId}}' },
        holds: { 'it is cancelled': isCancelled },
      },
      {
        operation: 'cancelPurchase',
        title: 'Cancel it again: still once',
        as: 'customer',
        parameters: { id: '{{purchaseId}}' },
        holds: { 'it is cancelled': isCancelled },
      },
    ],
  },
  {
    name: '5. Clean up',
    steps: [
      {
        operation: 'listOwnSessions',
        title: 'My sign-ins',
        as: 'customer',
        save: { sessionId: 'answer.data[0].id' },
      },
      { operation: 'endOtherSessions', title: 'End my other sign-ins', as: 'customer' },
      { operation: 'listUsers', title: 'All users', as: 'admin' },
      { operation: 'getUser', title: 'One user', as: 'admin', parameters: { id: '{{userId}}' } },
      {
        operation: 'updateUser',
        title: 'Change a user',
        as: 'admin',
        parameters: { id: '{{userId}}' },
        body: { lastName: 'Changed' },
      },
      {
        operation: 'endOwnSession',
        title: 'End one of my sign-ins',
        as: 'customer',
        parameters: { id: '{{sessionId}}' },
      },
      {
        operation: 'signIn',
        title: 'Sign in with the new password',
        body: { email: '{{email}}', password: '{{newPassword}}' },
        save: session,
      },
      { operation: 'signOut', title: 'Sign out', body: { refreshToken: '{{refreshToken}}' } },
      {
        operation: 'endSessionsOfUser',
        title: 'End all sign-ins of a user',
        as: 'admin',
        parameters: { id: '{{userId}}' },
      },
      {
        operation: 'signIn',
        title: 'Sign in once more',
        body: { email: '{{email}}', password: '{{newPassword}}' },
        save: session,
      },
      { operation: 'deleteOwnUser', title: 'Delete myself', as: 'customer' },
      {
        operation: 'signUp',
        title: 'Sign up another user',
        body: { email: 'second-{{email}}', password: '{{password}}', firstName: 'Bob', lastName: 'Example' },
        save: { userId: 'answer.id' },
      },
      { operation: 'deleteUser', title: 'Delete a user', as: 'admin', parameters: { id: '{{userId}}' } },
      { operation: 'deleteProduct', title: 'Delete the product', as: 'admin', parameters: { id: '{{productId}}' } },
    ],
  },
];
