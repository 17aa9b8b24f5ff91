/** The headers that tell browsers what a page of the shop may not do. */
import type { Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';

/** Sets helmet's headers. They are the same on every answer, so helmet is asked once. */
export function setSecurityHeaders(): RequestHandler {
  const headers = new Map<string, string>();
  const recorder = { setHeader: headers.set.bind(headers), removeHeader: () => undefined };
  const decide = helmet({ strictTransportSecurity: false }); // Nginx sends that one, where TLS ends
  decide({} as Request, recorder as unknown as Response, () => undefined);
  return (_req, res, next) => {
    for (const [name, value] of headers) res.setHeader(name, value);
    next();
  };
}
