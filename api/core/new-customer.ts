/** Customers who signed up less than a day ago: an address may sign up hundreds a day, so together they may do less. */
import { shopTimeMs } from './clock.ts';
import { timeOfId } from './ids.ts';
import type { Role } from './request.ts';

const dayMs = 86_400_000;

/** Whether a user is a customer who signed up less than a day ago. */
export function isNewCustomer(userId: string, role: Role): boolean {
  return role === 'customer' && shopTimeMs() - timeOfId(userId) < dayMs;
}
