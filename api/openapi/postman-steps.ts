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

/** A step of a caller. */
const stepAs =
  (as: Step['as']) =>
  (operation: string, title: string, more: Omit<Step, 'operation' | 'title' | 'as'> = {}): Step => {
    return { operation, title, ...(as === undefined ? {} : { as }), ...more };
  };
const anonymous = stepAs(undefined);
const customer = stepAs('customer');
const admin = stepAs('admin');

const price = { amount: 10_999, currency: '{{currency}}' };
const product = { name: 'Hiking Boots', category: 'footwear', company: 'Example Ltd', price, stock: 5 };
const items = [{ productId: '{{productId}}', quantity: 2 }];
const credentials = { email: '{{email}}', password: '{{password}}' };
const newCredentials = { ...credentials, password: '{{newPassword}}' };
const adminCredentials = { email: '{{adminEmail}}', password: '{{adminPassword}}' };
const other = { email: 'second-{{email}}', password: '{{password}}', firstName: 'Bob', lastName: 'Example' };
const refreshToken = { refreshToken: '{{refreshToken}}' };

const session = { accessToken: 'answer.accessToken', refreshToken: 'answer.refreshToken' };
const theProduct = { id: '{{productId}}' };
const thePurchase = { id: '{{purchaseId}}' };
const theUser = { id: '{{userId}}' };
const purchaseKey = { 'Idempotency-Key': '{{purchaseKey}}' };
const isCancelled = { 'it is cancelled': "answer.status === 'cancelled'" };

/** All folders, in order. */
export const folders: readonly Folder[] = [
  {
    name: '1. Look around',
    steps: [
      anonymous('getIndex', 'What there is'),
      anonymous('getHealth', 'Health'),
      anonymous('getDocument', 'OpenAPI document'),
      anonymous('getEventDocument', 'AsyncAPI document'),
      anonymous('getCollection', 'This collection'),
      anonymous('getEnvironment', 'Its environment'),
      anonymous('getDocs', 'The interactive page'),
      anonymous('getDocsFile', 'A file of it', { parameters: { file: 'page.css' } }),
      anonymous('listProblems', 'All problems'),
      anonymous('getProblem', 'One problem', { parameters: { code: 'insufficient-stock' } }),
      anonymous('listKeys', 'Keys that verify tokens'),
    ],
  },
  {
    name: '2. Sign up and in',
    steps: [
      anonymous('signUp', 'Sign up', {
        body: { ...credentials, firstName: 'Ann', lastName: 'Example' },
        save: { userId: 'answer.id' },
      }),
      anonymous('signIn', 'Sign in', { body: credentials, save: session }),
      anonymous('refreshSession', 'Exchange the refresh token', { body: refreshToken, save: session }),
      customer('getOwnUser', 'Who am I', { save: { etag: "pm.response.headers.get('ETag')" } }),
      customer('updateOwnUser', 'Change my name, unless it has changed', {
        headers: { 'If-Match': '{{etag}}' },
        body: { firstName: 'Anna' },
        holds: { 'it is the new name': "answer.firstName === 'Anna'" },
      }),
      customer('changePassword', 'Change my password', {
        body: { currentPassword: '{{password}}', newPassword: '{{newPassword}}' },
      }),
    ],
  },
  {
    name: '3. Fill the shop (admin)',
    steps: [
      anonymous('signIn', 'Sign in as admin', { body: adminCredentials, save: { adminToken: 'answer.accessToken' } }),
      admin('createProduct', 'Make a product', { body: product, save: { productId: 'answer.id' } }),
      admin('createProducts', 'Make many', { body: { products: [product] } }),
      admin('updateProduct', 'Change its price', {
        parameters: theProduct,
        body: { price: { ...price, amount: 9999 } },
      }),
      admin('changeStock', 'Add stock', {
        parameters: theProduct,
        body: { delta: 5 },
        holds: { 'there are 10': 'answer.stock === 10' },
      }),
      anonymous('listProducts', 'Search products', { parameters: { q: 'hik boots', maxPrice: '20000', limit: '5' } }),
    ],
  },
  {
    name: '4. Buy and cancel',
    steps: [
      customer('buy', 'Buy two', {
        headers: purchaseKey,
        body: { items },
        save: { purchaseId: 'answer.id' },
        holds: { 'it is completed': "answer.status === 'completed'" },
      }),
      customer('buy', 'The same again: the same purchase', {
        headers: purchaseKey,
        body: { items },
        holds: {
          'it is the same': "answer.id === pm.variables.get('purchaseId')",
          'it says so': "pm.response.headers.get('Idempotent-Replayed') === 'true'",
        },
      }),
      customer('getProduct', 'What is left', {
        parameters: theProduct,
        holds: { 'there are 8': 'answer.stock === 8' },
      }),
      customer('getPurchase', 'The purchase', { parameters: thePurchase }),
      customer('listPurchases', 'My purchases'),
      customer('listPurchaseEvents', 'Its history', { parameters: thePurchase }),
      customer('cancelPurchase', 'Cancel it', { parameters: thePurchase, holds: isCancelled }),
      customer('cancelPurchase', 'Cancel it again: still once', { parameters: thePurchase, holds: isCancelled }),
    ],
  },
  {
    name: '5. Clean up',
    steps: [
      customer('listOwnSessions', 'My sign-ins', { save: { sessionId: 'answer.data[0].id' } }),
      customer('endOtherSessions', 'End my other sign-ins'),
      admin('listUsers', 'All users'),
      admin('getUser', 'One user', { parameters: theUser }),
      admin('updateUser', 'Change a user', { parameters: theUser, body: { lastName: 'Changed' } }),
      customer('endOwnSession', 'End one of my sign-ins', { parameters: { id: '{{sessionId}}' } }),
      anonymous('signIn', 'Sign in with the new password', { body: newCredentials, save: session }),
      anonymous('signOut', 'Sign out', { body: refreshToken }),
      admin('endSessionsOfUser', 'End all sign-ins of a user', { parameters: theUser }),
      anonymous('signIn', 'Sign in once more', { body: newCredentials, save: session }),
      customer('deleteOwnUser', 'Delete myself'),
      anonymous('signUp', 'Sign up another user', { body: other, save: { userId: 'answer.id' } }),
      admin('deleteUser', 'Delete a user', { parameters: theUser }),
      admin('deleteProduct', 'Delete the product', { parameters: theProduct }),
    ],
  },
];
