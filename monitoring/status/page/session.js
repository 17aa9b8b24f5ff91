/** Signs in, and asks with the token. Tokens live in the memory of this page only: a reload needs a new sign-in. */

/** @typedef {{ accessToken: string, refreshToken: string, untilMs: number }} Session */

/** Thrown when the sign-in is over and has to be made again. */
export class SignedOut extends Error {}

/** @type {Session | undefined} */
let session;

/** @param {string} path @param {object} body @returns {Promise<Response>} */
function post(path, body) {
  return fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

/** @param {{ accessToken: string, refreshToken: string, expiresIn: number }} answer */
function keep({ accessToken, refreshToken, expiresIn }) {
  session = { accessToken, refreshToken, untilMs: Date.now() + 1000 * expiresIn - 20_000 };
}

/**
 * Signs in. @param {string} email @param {string} password
 * @returns {Promise<string | undefined>} what went wrong, as a message
 */
export async function signIn(email, password) {
  const answer = await post('/users/login', { email, password }).catch(() => undefined);
  if (answer === undefined) return 'The shop does not answer.';
  if (!answer.ok) return (await answer.json().catch(() => ({}))).detail ?? `The shop answered ${answer.status}.`;
  keep(await answer.json());
  return undefined;
}

/** Uses the status token in place of a sign-in. It does not expire and needs no service. @param {string} token */
export function useToken(token) {
  session = { accessToken: token, refreshToken: '', untilMs: Number.POSITIVE_INFINITY };
}

/** Whether an admin has signed in; false with the status token. @returns {boolean} */
export function isSignedIn() {
  return Boolean(session?.refreshToken);
}

/** Ends the sign-in, here and at the shop. */
export async function signOut() {
  const ending = session;
  session = undefined;
  if (ending?.refreshToken) await post('/users/logout', { refreshToken: ending.refreshToken }).catch(() => undefined);
}

/**
 * Asks for data. @param {string} path below /status/data/
 * @returns {Promise<any>} @throws SignedOut, or Error with a message
 */
export async function ask(path) {
  if (session === undefined) throw new SignedOut();
  if (Date.now() > session.untilMs) {
    const answer = await post('/users/refresh', { refreshToken: session.refreshToken }).catch(() => undefined);
    if (answer?.status === 401) throw new SignedOut('Your sign-in has ended.');
    if (answer?.ok) keep(await answer.json()); // otherwise the old token may still do for some seconds
  }
  const answer = await fetch(`/status/data/${path}`, { headers: { authorization: `Bearer ${session.accessToken}` } });
  if (answer.status === 401)
    throw new SignedOut(session.refreshToken ? 'Your sign-in has ended.' : 'That is not the status token.');
  if (answer.status === 403) throw new SignedOut('This page is for the admin.');
  if (!answer.ok)
    throw new Error(
      (await answer.json().catch(() => ({}))).detail ?? `The page's own server answered ${answer.status}.`,
    );
  return answer.json();
}
