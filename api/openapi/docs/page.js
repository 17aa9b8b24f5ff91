/**
 * The interactive API page: Swagger UI with one sign-in for all calls. Tokens stay in the memory of the page, and a sign-in made by trying
 * POST /users/login counts as well.
 */
const form = document.querySelector('#sign-in');
const signedIn = document.querySelector('#signed-in');
const message = document.querySelector('#message');

/** Seconds before its end at which an access token is exchanged. */
const marginSeconds = 30;

/** The sign-in: tokens, the time (ms) until which the access token is used, and the exchange under way. */
let session;

const scheme = matchMedia('(prefers-color-scheme: dark)');
const followScheme = () => document.documentElement.classList.toggle('dark-mode', scheme.matches);
scheme.addEventListener('change', followScheme);
followScheme();

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { email, password } = Object.fromEntries(new FormData(form));
  const { body } = await post('/users/login', { email, password });
  if (body === undefined) return;
  keep(body, email);
  form.reset();
});

signedIn.querySelector('button').addEventListener('click', async () => {
  const { refreshToken } = session;
  forget('');
  await post('/users/logout', { refreshToken });
});

/** Sends a call of the page itself. Returns the status, if there was an answer, and the body; none after a refusal, which is shown. */
async function post(path, body) {
  message.textContent = '';
  let status;
  try {
    const answer = await fetch(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    status = answer.status;
    if (status === 204) return { status, body: {} };
    const read = await answer.json();
    if (answer.ok) return { status, body: read };
    message.textContent = read.detail;
  } catch {
    message.textContent = 'The shop did not answer. Try again.';
  }
  return { status };
}

function tokensOf({ accessToken, refreshToken, expiresIn }) {
  return { accessToken, refreshToken, usedUntil: Date.now() + (expiresIn - marginSeconds) * 1000 };
}

function keep(answer, email) {
  session = tokensOf(answer);
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

/** The access token, exchanged for a new one where its time is nearly over. A call keeps the sign-in that it began with, also after a newer one. */
async function accessToken() {
  const own = session;
  if (own !== undefined && Date.now() > own.usedUntil) {
    own.refreshing ??= refresh(own).finally(() => {
      own.refreshing = undefined;
    });
    await own.refreshing;
  }
  return own?.accessToken;
}

async function refresh(own) {
  const { status, body } = await post('/users/refresh', { refreshToken: own.refreshToken });
  if (body !== undefined) Object.assign(own, tokensOf(body));
  // After a 429 or 503 the tokens stay, and the next call exchanges them.
  else if (status === 401 && session === own) forget('The sign-in has ended. Sign in again.');
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
