/** The sign-in of `/docs` without a browser, of which the script needs little; test/flow/docs-page.test.ts clicks through the page in one. */
import { afterEach, expect, test, vi } from 'vitest';

// The next test file may run in the same process (isolate: false in vitest.config.ts), with the same `fetch`.
afterEach(() => {
  vi.unstubAllGlobals();
});

type SwaggerUi = {
  requestInterceptor(request: { url: string; method: string; headers: Record<string, string> }): Promise<{
    headers: Record<string, string>;
  }>;
  responseInterceptor(response: { url: string; status: number; text: string }): unknown;
};

/** Runs the script of the page. Exchanges wait for `answerRefresh`. */
async function openPage() {
  const elements = new Map<string, ReturnType<typeof elementOf>>();
  function elementOf() {
    const inner = new Map<string, object>();
    const clicks: (() => unknown)[] = [];
    const querySelector = (name: string) => {
      if (!inner.has(name)) inner.set(name, elementOf());
      return inner.get(name);
    };
    return {
      hidden: false,
      textContent: '',
      addEventListener: (_: string, run: () => unknown) => clicks.push(run),
      clicks,
      querySelector,
    };
  }
  const document = {
    querySelector(name: string) {
      const found = elements.get(name) ?? elementOf();
      elements.set(name, found);
      return found;
    },
    documentElement: { classList: { toggle: () => {} } },
  };
  const refreshes: ((answer: Response) => void)[] = [];
  const fetch = async (path: string) => {
    if (path === '/users/refresh') return new Promise<Response>((resolve) => refreshes.push(resolve));
    if (path === '/users/logout') return new Response(null, { status: 204 });
    return Response.json({ info: { title: '' }, components: { parameters: {} } });
  };
  let ui: SwaggerUi | undefined;
  vi.stubGlobal('document', document);
  vi.stubGlobal('matchMedia', () => ({ matches: false, addEventListener: () => {} }));
  vi.stubGlobal('fetch', fetch);
  vi.stubGlobal('location', { href: 'http://shop.example/docs' });
  vi.stubGlobal('window', {
    SwaggerUIBundle: (options: SwaggerUi) => {
      ui = options;
    },
  });
  vi.resetModules();
  await import('../../../api/openapi/docs/page.js' as string);
  return {
    isSignedIn: () => !elements.get('#signed-in')?.hidden,
    message: () => elements.get('#message')?.textContent,
    /** As if `POST /users/login` had been tried on the page; the token is at its end. */
    signIn: (token: string) =>
      ui?.responseInterceptor({ url: '/users/login', status: 200, text: JSON.stringify(tokens(token)) }),
    signOut: () => {
      const button = elements.get('#signed-in')?.querySelector('button') as ReturnType<typeof elementOf> | undefined;
      return button?.clicks[0]?.();
    },
    call: async () => {
      const request = { url: '/purchases', method: 'POST', headers: {} };
      return (await ui?.requestInterceptor(request))?.headers.Authorization;
    },
    answerRefresh: (status: number, body: object) => refreshes.shift()?.(Response.json(body, { status })),
  };
}
const tokens = (token: string) => ({ accessToken: token, refreshToken: token, expiresIn: 0 });

test('a refresh that is refused for the moment does not end the sign-in; an ended sign-in does', async () => {
  const page = await openPage();
  page.signIn('ann');
  for (const status of [429, 503]) {
    const call = page.call();
    page.answerRefresh(status, { detail: 'Try again.' });
    expect([await call, page.isSignedIn(), page.message()]).toEqual(['Bearer ann', true, 'Try again.']);
  }
  const call = page.call();
  page.answerRefresh(401, { detail: 'Ended.' });
  await call;
  expect([page.isSignedIn(), page.message()]).toEqual([false, 'The sign-in has ended. Sign in again.']);
});

test('a refresh that answers late replaces neither a newer sign-in nor a sign-out', async () => {
  const page = await openPage();
  page.signIn('ann');
  const first = page.call();
  page.signIn('bob');
  page.answerRefresh(200, tokens('ann-1'));
  expect(await first).toBe('Bearer ann-1');
  const second = page.call();
  await page.signOut();
  page.answerRefresh(200, tokens('bob-1'));
  expect([await second, page.isSignedIn()]).toEqual(['Bearer bob-1', false]);
  expect(await page.call()).toBeUndefined();
});
