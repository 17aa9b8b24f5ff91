/** Made by `npm run client` from the OpenAPI document; do not edit. */

/**
 * What each call takes and answers, by its operationId.
 */
export interface Calls {
  /**
   * Sign in with e-mail address and password
   */
  signIn: {
    body: Credentials;
    answer: Session;
  };
  /**
   * Exchange a refresh token for a new session
   */
  refreshSession: {
    body: RefreshToken;
    answer: Session;
  };
  /**
   * End the sign-in that a refresh token belongs to
   */
  signOut: {
    body: RefreshToken;
    answer: null;
  };
  /**
   * Get the public keys that verify access tokens (RFC 7517)
   */
  listKeys: {
    answer: KeySet;
  };
  /**
   * List your sign-ins, newest first
   */
  listOwnSessions: {
    answer: SessionList;
  };
  /**
   * End all your sign-ins but the present one
   */
  endOtherSessions: {
    answer: null;
  };
  /**
   * End one of your sign-ins
   */
  endOwnSession: {
    params: {
      id: string;
    };
    answer: null;
  };
  /**
   * End every sign-in of a user
   */
  endSessionsOfUser: {
    params: {
      id: string;
    };
    answer: null;
  };
  /**
   * Sign up
   */
  signUp: {
    body: SignUp;
    answer: User;
  };
  /**
   * List all users, newest first
   */
  listUsers: {
    query?: {
      limit?: number;
      cursor?: string;
    };
    answer: UserPage;
  };
  /**
   * Read your own user
   */
  getOwnUser: {
    answer: User;
  };
  /**
   * Change your own names
   */
  updateOwnUser: {
    body: OwnUserChange;
    answer: User;
  };
  /**
   * Delete your own user, with every sign-in
   */
  deleteOwnUser: {
    answer: null;
  };
  /**
   * Set a new password and end your other sign-ins
   */
  changePassword: {
    body: PasswordChange;
    answer: null;
  };
  /**
   * Read your own user, or as an admin any user
   */
  getUser: {
    params: {
      id: string;
    };
    answer: User;
  };
  /**
   * Change a user's names or role
   */
  updateUser: {
    params: {
      id: string;
    };
    body: UserChange;
    answer: User;
  };
  /**
   * Delete a user, with every sign-in
   */
  deleteUser: {
    params: {
      id: string;
    };
    answer: null;
  };
  /**
   * Create up to 1000 products
   */
  createProducts: {
    body: ProductBatch;
    answer: ProductBatchResult;
  };
  /**
   * List products by category, company, words, price and stock
   */
  listProducts: {
    query?: {
      limit?: number;
      cursor?: string;
      category?: string;
      company?: string;
      q?: string;
      minPrice?: number;
      maxPrice?: number;
      inStock?: 'true';
      sort?: 'createdAt' | 'price' | 'name' | '-createdAt' | '-price' | '-name';
    };
    answer: ProductPage;
  };
  /**
   * Create a product, under an id of your own or a generated one
   */
  createProduct: {
    body: NewProduct;
    answer: Product;
  };
  /**
   * Read a product
   */
  getProduct: {
    params: {
      id: string;
    };
    answer: Product;
  };
  /**
   * Change fields of a product, except its stock
   */
  updateProduct: {
    params: {
      id: string;
    };
    body: ProductChange;
    answer: Product;
  };
  /**
   * Delete a product
   */
  deleteProduct: {
    params: {
      id: string;
    };
    answer: null;
  };
  /**
   * Add to the stock of a product, or take from it
   */
  changeStock: {
    params: {
      id: string;
    };
    body: StockChange;
    answer: Product;
  };
  /**
   * Buy all the items or none
   */
  buy: {
    body: NewPurchase;
    answer: Purchase;
  };
  /**
   * List your purchases, newest first
   */
  listPurchases: {
    query?: {
      limit?: number;
      cursor?: string;
      userId?: string;
      status?: 'pending' | 'completed' | 'failed' | 'cancelled';
    };
    answer: PurchasePage;
  };
  /**
   * Read a purchase of yours, or as an admin any purchase
   */
  getPurchase: {
    params: {
      id: string;
    };
    answer: Purchase;
  };
  /**
   * Read the history of a purchase, oldest event first
   */
  listPurchaseEvents: {
    params: {
      id: string;
    };
    answer: PurchaseHistory;
  };
  /**
   * Cancel a purchase
   */
  cancelPurchase: {
    params: {
      id: string;
    };
    answer: Purchase;
  };
  /**
   * Get links to the services and documents
   */
  getIndex: {
    answer: {
      name: string;
      links: {};
    };
  };
  /**
   * Check whether each service has a ready replica
   */
  getHealth: {
    answer: {
      status: 'ok';
    };
  };
  /**
   * Get the AsyncAPI document of the events
   */
  getEventDocument: {
    answer: {
      asyncapi: string;
      [k: string]: unknown;
    };
  };
  /**
   * Get the Postman collection
   */
  getCollection: {
    answer: {
      item: {}[];
      [k: string]: unknown;
    };
  };
  /**
   * Get the Postman environment
   */
  getEnvironment: {
    answer: {
      values: {}[];
      [k: string]: unknown;
    };
  };
  /**
   * Get this document
   */
  getDocument: {
    answer: {
      openapi: string;
      [k: string]: unknown;
    };
  };
  /**
   * List all problem types
   */
  listProblems: {
    answer: {};
  };
  /**
   * Read what a problem means and what to do
   */
  getProblem: {
    params: {
      code: string;
    };
    answer: {};
  };
}
export interface Credentials {
  email: string;
  password: string;
}
export interface Session {
  accessToken: string;
  tokenType: 'Bearer';
  expiresIn: number;
  refreshToken: string;
}
export interface RefreshToken {
  refreshToken: string;
}
export interface KeySet {
  keys: {
    kid: string;
    [k: string]: unknown;
  }[];
}
export interface SessionList {
  data: {
    id: string;
    createdAt: string;
    lastUsedAt: string;
    endsAt: string;
    current: boolean;
    userAgent?: string;
  }[];
}
export interface SignUp {
  email: string;
  /**
   * Refused: common passwords, repetitions, keyboard or alphabet sequences, and your own e-mail address or name.
   */
  password: string;
  firstName: string;
  lastName: string;
}
export interface User {
  id: string;
  email: string;
  firstName: string;
  lastName: string;
  role: 'customer' | 'admin';
  createdAt: string;
  updatedAt: string;
}
export interface UserPage {
  data: User[];
  nextCursor: string | null;
}
export interface OwnUserChange {
  firstName?: string;
  lastName?: string;
}
export interface PasswordChange {
  currentPassword: string;
  /**
   * Refused: common passwords, repetitions, keyboard or alphabet sequences, and your own e-mail address or name.
   */
  newPassword: string;
}
export interface UserChange {
  firstName?: string;
  lastName?: string;
  role?: 'customer' | 'admin';
}
export interface ProductBatch {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  products: [NewProduct, ...NewProduct[]];
}
export interface NewProduct {
  id?: string;
  name: string;
  description?: string;
  category: string;
  company?: string | null;
  manufacturedAt?: string | null;
  price: {
    amount: number;
    currency: 'USD';
  };
  stock: number;
}
export interface ProductBatchResult {
  data: {
    id: string | null;
    status: number;
    problem?: {
      type: string;
      title: string;
      status: number;
      detail: string;
      [k: string]: unknown;
    };
  }[];
}
export interface ProductPage {
  data: Product[];
  nextCursor: string | null;
}
export interface Product {
  id: string;
  name: string;
  description: string;
  category: string;
  company: string | null;
  manufacturedAt: string | null;
  price: Money;
  stock: number;
  createdAt: string;
  updatedAt: string;
}
/**
 * An amount in minor units (cents, pence), with its currency (ISO 4217).
 *
 */
export interface Money {
  amount: number;
  currency: string;
}
export interface ProductChange {
  name?: string;
  description?: string;
  category?: string;
  company?: string | null;
  manufacturedAt?: string | null;
  price?: {
    amount: number;
    currency: 'USD';
  };
}
export interface StockChange {
  delta: number;
}
export interface NewPurchase {
  /**
   * @minItems 1
   * @maxItems 100
   */
  items: [
    {
      productId: string;
      quantity: number;
    },
    ...{
      productId: string;
      quantity: number;
    }[]
  ];
}
export interface Purchase {
  id: string;
  userId: string;
  status: 'pending' | 'completed' | 'failed' | 'cancelled';
  items: {
    productId: string;
    name: string | null;
    quantity: number;
    unitPrice: Money | null;
  }[];
  total: Money | null;
  createdAt: string;
  updatedAt: string;
  failure?:
    | {
        code: 'insufficient-stock';
        detail: string;
        items: {
          productId: string;
          requested: number;
          available: number;
        }[];
      }
    | {
        code: 'unknown-product';
        detail: string;
        items: {
          productId: string;
        }[];
      };
}
export interface PurchasePage {
  data: Purchase[];
  nextCursor: string | null;
}
export interface PurchaseHistory {
  data: (
    | {
        id: string;
        type: 'purchase.created';
        at: string;
        data: {
          purchaseId: string;
          userId: string;
          items: {
            productId: string;
            quantity: number;
          }[];
        };
      }
    | {
        id: string;
        type: 'product.reserved';
        at: string;
        data: {
          purchaseId: string;
          items: {
            productId: string;
            name: string;
            quantity: number;
            unitPrice: Money;
          }[];
        };
      }
    | {
        id: string;
        type: 'purchase.completed';
        at: string;
        data: {
          purchaseId: string;
          total: Money;
        };
      }
    | {
        id: string;
        type: 'purchase.failed';
        at: string;
        data: {
          purchaseId: string;
          failure:
            | {
                code: 'insufficient-stock';
                detail: string;
                items: {
                  productId: string;
                  requested: number;
                  available: number;
                }[];
              }
            | {
                code: 'unknown-product';
                detail: string;
                items: {
                  productId: string;
                }[];
              };
        };
      }
    | {
        id: string;
        type: 'purchase.cancelled';
        at: string;
        data: {
          purchaseId: string;
          by: string;
        };
      }
    | {
        id: string;
        type: 'product.released';
        at: string;
        data: {
          purchaseId: string;
          items: {
            productId: string;
            quantity: number;
          }[];
        };
      }
  )[];
}
/**
 * RFC 9457. `type` says which problem it is and leads to a page about it.
 *
 */
export interface Problem {
  type:
    | '/problems/bad-request'
    | '/problems/unauthenticated'
    | '/problems/invalid-credentials'
    | '/problems/session-ended'
    | '/problems/forbidden'
    | '/problems/https-required'
    | '/problems/not-found'
    | '/problems/method-not-allowed'
    | '/problems/email-taken'
    | '/problems/last-admin'
    | '/problems/product-exists'
    | '/problems/insufficient-stock'
    | '/problems/not-cancellable'
    | '/problems/precondition-failed'
    | '/problems/payload-too-large'
    | '/problems/unsupported-media-type'
    | '/problems/validation-failed'
    | '/problems/unknown-product'
    | '/problems/idempotency-key-reused'
    | '/problems/rate-limited'
    | '/problems/internal-error'
    | '/problems/temporarily-unavailable';
  title: string;
  status: number;
  /**
   * What is wrong with this request.
   */
  detail: string;
  /**
   * The same as in `X-Request-Id`.
   */
  requestId: string;
  /**
   * Of `validation-failed`: every fault.
   */
  errors?: {
    /**
     * `#/items/0/quantity` in the body, `?name` in the query.
     */
    pointer: string;
    detail: string;
  }[];
  [k: string]: unknown;
}

/** The method and path of each call, and whether it takes an Idempotency-Key. */
export const calls = {
  signIn: { method: 'POST', path: '/users/login', isKeyed: false },
  refreshSession: { method: 'POST', path: '/users/refresh', isKeyed: false },
  signOut: { method: 'POST', path: '/users/logout', isKeyed: false },
  listKeys: { method: 'GET', path: '/users/.well-known/jwks.json', isKeyed: false },
  listOwnSessions: { method: 'GET', path: '/users/me/sessions', isKeyed: false },
  endOtherSessions: { method: 'DELETE', path: '/users/me/sessions', isKeyed: true },
  endOwnSession: { method: 'DELETE', path: '/users/me/sessions/{id}', isKeyed: true },
  endSessionsOfUser: { method: 'DELETE', path: '/users/{id}/sessions', isKeyed: true },
  signUp: { method: 'POST', path: '/users', isKeyed: true },
  listUsers: { method: 'GET', path: '/users', isKeyed: false },
  getOwnUser: { method: 'GET', path: '/users/me', isKeyed: false },
  updateOwnUser: { method: 'PATCH', path: '/users/me', isKeyed: true },
  deleteOwnUser: { method: 'DELETE', path: '/users/me', isKeyed: true },
  changePassword: { method: 'PUT', path: '/users/me/password', isKeyed: true },
  getUser: { method: 'GET', path: '/users/{id}', isKeyed: false },
  updateUser: { method: 'PATCH', path: '/users/{id}', isKeyed: true },
  deleteUser: { method: 'DELETE', path: '/users/{id}', isKeyed: true },
  createProducts: { method: 'POST', path: '/products/batch', isKeyed: true },
  listProducts: { method: 'GET', path: '/products', isKeyed: false },
  createProduct: { method: 'POST', path: '/products', isKeyed: true },
  getProduct: { method: 'GET', path: '/products/{id}', isKeyed: false },
  updateProduct: { method: 'PATCH', path: '/products/{id}', isKeyed: true },
  deleteProduct: { method: 'DELETE', path: '/products/{id}', isKeyed: true },
  changeStock: { method: 'POST', path: '/products/{id}/stock', isKeyed: true },
  buy: { method: 'POST', path: '/purchases', isKeyed: true },
  listPurchases: { method: 'GET', path: '/purchases', isKeyed: false },
  getPurchase: { method: 'GET', path: '/purchases/{id}', isKeyed: false },
  listPurchaseEvents: { method: 'GET', path: '/purchases/{id}/events', isKeyed: false },
  cancelPurchase: { method: 'POST', path: '/purchases/{id}/cancel', isKeyed: true },
  getIndex: { method: 'GET', path: '/', isKeyed: false },
  getHealth: { method: 'GET', path: '/healthz', isKeyed: false },
  getEventDocument: { method: 'GET', path: '/asyncapi.json', isKeyed: false },
  getCollection: { method: 'GET', path: '/postman.json', isKeyed: false },
  getEnvironment: { method: 'GET', path: '/postman-environment.json', isKeyed: false },
  getDocument: { method: 'GET', path: '/openapi.json', isKeyed: false },
  listProblems: { method: 'GET', path: '/problems', isKeyed: false },
  getProblem: { method: 'GET', path: '/problems/{code}', isKeyed: false },
} as const;
