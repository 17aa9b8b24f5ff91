/** The path that a client may have meant, which a 404 names. */
import { expect, test } from 'vitest';
import { nearestPath } from '../../../api/http/nearest-path.ts';

const paths = ['/users', '/users/login', '/users/me', '/users/me/sessions', '/users/:id', '/products/:id/stock'];

test.each([
  ['/users/loginn', '/users/login'],
  ['/users/Login', '/users/login'],
  ['/users/em', '/users/me'],
  ['/users/me/session', '/users/me/sessions'],
  ['/products/boots/stok', '/products/{id}/stock'],
])('the nearest to %s is %s', (path, nearest) => {
  expect(nearestPath(path, paths)).toBe(nearest);
});

test.each([
  '/users/0192f0c1-7b1e-7cc0-9d5e-3f1a0e6b2c4d',
  '/nothing/at/all',
  '/products/boots/reviews',
  `/users/${'x'.repeat(5000)}`,
  '/',
])('nothing is near to %s', (path) => {
  expect(nearestPath(path, paths)).toBeUndefined();
});
