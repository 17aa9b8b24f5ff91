/** The status page: signs in, then asks every few seconds and draws. */
import { showCapacity } from './capacity.js';
import { showGrowth } from './growth.js';
import { showAlerts, showTopology, showVerdict } from './now.js';
import { showPanels } from './panels.js';
import { ask, isSignedIn, SignedOut, signIn, signOut, useToken } from './session.js';

const nowIntervalMs = 3000;
const graphsIntervalMs = 10_000;

/** @param {string} id @returns {any} */
const at = (id) => document.getElementById(id);

/** @type {any} */
let dashboard;
let shown = 'overview';
let isIn = false;

/** @param {string} fault */
function showSignIn(fault) {
  isIn = false;
  at('sign-in').hidden = false;
  at('shop').hidden = true;
  at('sign-out').hidden = true;
  at('verdict').textContent = '';
  at('freshness').textContent = '';
  at('sign-in-fault').textContent = fault;
}

/** Runs a step. When the sign-in has ended it shows the form; any other error is shown, and the step is tried again later. @param {() => Promise<void>} step */
async function guarded(step) {
  try {
    await step();
  } catch (error) {
    if (error instanceof SignedOut) showSignIn(error.message);
    else if (isIn) {
      at('verdict').className = 'bad';
      at('verdict').textContent = 'No connection';
      at('freshness').textContent = error instanceof TypeError ? 'The shop does not answer.' : error.message;
    }
  }
}

async function showNow() {
  const { groups, alerts, capacity } = await ask('now');
  showVerdict(at('verdict'), alerts, groups);
  showAlerts(at('alerts'), alerts);
  showTopology(at('topology'), groups);
  showCapacity(at('capacity'), capacity);
  at('freshness').textContent = `as of ${new Date().toLocaleTimeString()}`;
}

async function showGraphs() {
  const wanted = shown;
  dashboard = await ask(`dashboards/${wanted}?minutes=${at('minutes').value}`);
  if (wanted === shown && isIn) showPanels(at('panels'), dashboard);
}

async function showMostGrowth() {
  showGrowth(at('growth'), await ask('growth'));
}

async function showDashboards() {
  const all = await ask('dashboards');
  at('dashboards').replaceChildren(
    ...all.map(({ uid, title, description }) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = title;
      button.title = description;
      button.setAttribute('aria-current', String(uid === shown));
      button.addEventListener('click', () => {
        shown = uid;
        for (const each of at('dashboards').children) each.setAttribute('aria-current', String(each === button));
        void guarded(showGraphs);
      });
      return button;
    }),
  );
}

async function showShop() {
  isIn = true;
  at('sign-in').hidden = true;
  at('shop').hidden = false;
  at('sign-out').hidden = false;
  await guarded(showDashboards);
  void repeat(showNow, nowIntervalMs);
  void repeat(showGraphs, graphsIntervalMs);
  // Users' names are for a signed-in admin only; a service has to be asked for them.
  at('growth').closest('section').hidden = !isSignedIn();
  if (isSignedIn()) void repeat(showMostGrowth, graphsIntervalMs);
}

/** Repeats a step, never two at once, and not while the page is hidden. @param {() => Promise<void>} step @param {number} intervalMs */
async function repeat(step, intervalMs) {
  while (isIn) {
    if (!document.hidden) await guarded(step);
    await new Promise((done) => setTimeout(done, intervalMs));
  }
}

at('sign-in-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const fault = await signIn(String(form.get('email')), String(form.get('password')));
  if (fault !== undefined) return showSignIn(fault);
  event.target.reset();
  await showShop();
});
at('token-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  useToken(String(new FormData(event.target).get('token')).trim());
  event.target.reset();
  await showShop();
});
at('sign-out').addEventListener('click', async () => {
  await signOut();
  showSignIn('');
});
at('minutes').addEventListener('change', () => void guarded(showGraphs));
let resizing = 0;
addEventListener('resize', () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => dashboard && isIn && showPanels(at('panels'), dashboard), 200);
});
showSignIn('');
