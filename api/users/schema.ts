/** What `users` takes and gives, checked; the types are inferred from here. */
import { z } from 'zod';
import { faultOfLine, refusing } from '../core/text.ts';
import { pageQuery } from '../http/lists.ts';
import { isMadeOfOwnName, weaknessOf } from './weak-passwords.ts';

// What the examples of the OpenAPI document show.
const exampleId = '0192f0c1-7b1e-7cc0-9d5e-3f1a0e6b2c4d';
const exampleTime = '2026-11-21T10:00:00.000Z';
const exampleToken = '0192f0c1-7b1e-7cc0.5Jm3k…';

const name = z
  .string()
  .max(100)
  // Answers that are kept hold both names of a user, so their size bounds what a user can add in a day.
  .refine((text) => Buffer.byteLength(text) <= 200, 'must have at most 200 bytes in UTF-8')
  .refine(...refusing(faultOfLine));

const email = z
  .email('must be an e-mail address')
  .max(254)
  .meta({ examples: ['ann@example.com'] });

const newPassword = z
  .string()
  .refine(
    (text) => {
      const characters = text.length > 256 ? Number.POSITIVE_INFINITY : [...text].length;
      return characters >= 12 && characters <= 128;
    },
    { error: 'must have 12 to 128 characters', abort: true },
  )
  .refine((text) => weaknessOf(text) === undefined, { error: ({ input }) => weaknessOf(String(input)) })
  .meta({
    format: 'password',
    minLength: 12,
    maxLength: 128,
    description:
      'Refused: common passwords, repetitions, keyboard or alphabet sequences, and your own e-mail address or name.',
  });

/** What a user may do. */
export const role = z.enum(['customer', 'admin']);

const nothingToChange = 'must name something to change';
const isNotEmpty = (change: object) => Object.keys(change).length > 0;

/** Why a password is refused that is made of its user's address or names. */
export const madeOfOwnName = 'is made of your own address or name';

/** What the password of a sign-up is compared with, also where other fields have faults. */
const owned = z.object({ password: z.string(), email: z.string(), firstName: z.string(), lastName: z.string() });

/** Sign-up. */
export const signUp = z
  .strictObject({ email, password: newPassword, firstName: name, lastName: name })
  .refine(({ password, ...owner }) => !isMadeOfOwnName(password, owner), {
    path: ['password'],
    error: madeOfOwnName,
    when: ({ value }) => owned.safeParse(value).success,
  })
  .meta({
    id: 'SignUp',
    examples: [{ email: 'ann@example.com', password: 'seven green rivers', firstName: 'Ann', lastName: 'Example' }],
  });
/** See {@link signUp}. */
export type SignUp = z.infer<typeof signUp>;

/** Sign-in. Neither field is checked further: a value that cannot be right gets the same answer as a wrong one. */
export const credentials = z
  .strictObject({ email: z.string().max(1000), password: z.string() })
  .meta({ id: 'Credentials', examples: [{ email: 'ann@example.com', password: 'seven green rivers' }] });
/** See {@link credentials}. */
export type Credentials = z.infer<typeof credentials>;

/** Refresh and sign-out. */
export const refreshRequest = z
  .strictObject({ refreshToken: z.string() })
  .meta({ id: 'RefreshToken', examples: [{ refreshToken: exampleToken }] });

const names = { firstName: name.optional(), lastName: name.optional() };

/** What users may change of themselves. */
export const ownChanges = z
  .strictObject(names)
  .refine(isNotEmpty, nothingToChange)
  .meta({ id: 'OwnUserChange', minProperties: 1, examples: [{ firstName: 'Anna' }] });

/** What an admin may change of any user. */
export const changes = z
  .strictObject({ ...names, role: role.optional() })
  .refine(isNotEmpty, nothingToChange)
  .meta({ id: 'UserChange', minProperties: 1, examples: [{ role: 'admin' }] });
/** See {@link changes}. */
export type Changes = z.infer<typeof changes>;

/** A new password, with the present one. */
export const passwordChange = z.strictObject({ currentPassword: z.string(), newPassword }).meta({
  id: 'PasswordChange',
  examples: [{ currentPassword: 'seven green rivers', newPassword: 'eleven quiet harbours' }],
});
/** See {@link passwordChange}. */
export type PasswordChange = z.infer<typeof passwordChange>;

/** The id in a path. */
export const userParams = z.strictObject({ id: z.uuid() });

/** The query of the list. */
export const listQuery = z.strictObject(pageQuery);

/** A user, as answered. */
export const userOut = z
  .object({
    id: z.uuid(),
    email: z.string(),
    firstName: z.string(),
    lastName: z.string(),
    role,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({
    id: 'User',
    examples: [
      {
        id: exampleId,
        email: 'ann@example.com',
        firstName: 'Ann',
        lastName: 'Example',
        role: 'customer',
        createdAt: exampleTime,
        updatedAt: exampleTime,
      },
    ],
  });
/** See {@link userOut}. */
export type UserOut = z.infer<typeof userOut>;

/** A page of users, newest first. */
export const userPage = z
  .object({ data: z.array(userOut), nextCursor: z.string().nullable() })
  .meta({ id: 'UserPage', examples: [{ data: [], nextCursor: null }] });

/** A sign-in's tokens, as answered; `expiresIn` in seconds. */
export const sessionOut = z
  .object({
    accessToken: z.string(),
    tokenType: z.literal('Bearer'),
    expiresIn: z.int(),
    refreshToken: z.string(),
  })
  .meta({
    id: 'Session',
    examples: [{ accessToken: 'eyJ…', tokenType: 'Bearer', expiresIn: 300, refreshToken: exampleToken }],
  });
/** See {@link sessionOut}. */
export type Session = z.infer<typeof sessionOut>;

/** The id of a sign-in in a path. */
export const sessionParams = z.strictObject({ id: z.uuid() });

/** A user's sign-ins, as answered, the newest first. */
export const sessionList = z
  .object({
    data: z.array(
      z.object({
        id: z.uuid(),
        createdAt: z.iso.datetime(),
        lastUsedAt: z.iso.datetime(),
        endsAt: z.iso.datetime(),
        current: z.boolean(),
        userAgent: z.string().optional(),
      }),
    ),
  })
  .meta({
    id: 'SessionList',
    examples: [
      {
        data: [
          {
            id: exampleId,
            createdAt: exampleTime,
            lastUsedAt: exampleTime,
            endsAt: '2026-12-21T10:00:00.000Z',
            current: true,
          },
        ],
      },
    ],
  });

/** The public keys that verify access tokens (RFC 7517). */
export const jwksOut = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) }).meta({
  id: 'KeySet',
  examples: [{ keys: [{ kty: 'EC', crv: 'P-256', kid: 'k1', alg: 'ES256', use: 'sig', x: '…', y: '…' }] }],
});
