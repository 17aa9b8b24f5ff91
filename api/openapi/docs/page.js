/**
 * The interactive API page: Swagger UI with one sign-in for all calls. Tokens stay in the memory of the page, and a sign-in made by trying
 * POST /users/login counts as well.
 */
const form = document.querySelector('#sign-in');
const signedIn = document.querySelector('#signed-in');
const message = document.querySelector('#message');

/** Seconds before its end at which an access token is exchanged. */
const marginSeconds = 30;

/** The sign-in: tokens, the time (ms) until which the access token is used, and the address to be shown. */
let session;
let refreshing;

const scheme = matchMedia('(prefers-color-scheme: dark)');
const followScheme = () => document.documentElement.classList.toggle('dark-mode', scheme.matches);
scheme.addEventListener('change', followScheme);
followScheme();

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { email, password } = Object.fromEntries(new FormData(form));
  const answer = await post('/users/login', { email, password });
  if (answer === undefined) return;
  keep(answer, email);
  form.reset();
});

signedIn.querySelector('button').addEventListener('click', async () => {
  const { refreshToken } = session;
  forget('');
  await post('/users/logout', { refreshToken });
});

/** Sends a call of the page itself. Returns the body; `undefined` after a refusal, which is shown. */
async function post(path, body) {
  message.textContent = '';
  try {
    const answer = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (answer.status === 204) return {};
    const read = await answer.json();
    if (answer.ok) return read;
    message.textContent = read.detail;
  } catch {
    message.textContent = 'The shop did not answer. Try again.';
  }
  return undefined;
}

function keep({ accessToken, refreshToken, expiresIn }, email) {
  session = { accessToken, refreshToken, email, usedUntil: Date.now() + (expiresIn - marginSeconds) * 1000 };
  form.hidden = true;
  signedIn.hidden = false;
  signedIn.querySelector('span').textContent = `Signed in as ${email}`;
  message.textContent = '';
}

function forget(why) {
  session = undefined;
  form.hidden = false;
  signedIn.hidden = true;
  message.textContent = why;
}

/** The access token, exchanged for a new one where its time is nearly over. */
async function accessToken() {
  if (session !== undefined && Date.now() > session.usedUntil) {
    refreshing ??= refresh().finally(() => {
      refreshing = undefined;
    });
    await refreshing;
  }
  return session?.accessToken;
}

async function refresh() {
  const { email, refreshToken } = session;
  const answer = await post('/users/refresh', { refreshToken });
  if (answer === undefined) forget('The sign-in has ended. Sign in again.');
  else keep(answer, email);
}

/** Adds what every call needs: the token, and for a write a key of its own, so that a repetition after a lost answer is safe. */
async function complete(request) {
  if (request.loadSpec) return request;
  const { pathname } = new URL(request.url, location.href);
  const token = await accessToken();
  if (token !== undefined && !request.headers.Authorization && !/^\/users\/(login|refresh|logout)$/.test(pathname)) {
    request.headers.Authorization = `Bearer ${token}`;
  }
  if (!['GET', 'HEAD', 'OPTIONS'].includes(request.method) && !request.headers['Idempotency-Key']) {
    request.headers['Idempotency-Key'] = newKey();
  }
  return request;
}

function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Takes over a sign-in that was made by trying the call. */
function notice(response) {
  const { pathname } = new URL(response.url, location.href);
  if (pathname !== '/users/login' || response.status !== 200) return response;
  keep(JSON.parse(response.text), 'the user of the last POST /users/login');
  return response;
}

/** Swagger UI puts examples into its forms; an example of a version or a key would be sent with every call. */
function withoutHeaderExamples(openapi) {
  for (const parameter of Object.values(openapi.components.parameters)) {
    if (parameter.in === 'header') delete parameter.example;
  }
  return openapi;
}

const openapi = withoutHeaderExamples(await (await fetch('/openapi.json')).json());
document.title = openapi.info.title;
window.SwaggerUIBundle({
  domNode: document.querySelector('#api'),
  spec: openapi,
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  requestInterceptor: complete,
  responseInterceptor: notice,
});
