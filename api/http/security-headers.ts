/** The headers that tell browsers what a page of the shop may not do. */
import { ServerResponse } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';

/** `_storeHeader` of Node.js: makes the text of an answer's head. `headers`: those set on the response, by their names in lower case. */
type StoreHeader = (this: ServerResponse, statusLine: string, headers: object | null | undefined) => void;

/**
 * Sets helmet's headers on every answer. A route may set one of them otherwise. They are the same on every answer, so helmet is asked once, and
 * their text is put behind the status line as it is: setting thirteen headers each time took a tenth of the CPU of a read. Node.js has no public function
 * for that; where `_storeHeader` is missing, they are set one by one.
 */
export function setSecurityHeaders(): RequestHandler {
  const headers = new Map<string, string>();
  const recorder = { setHeader: headers.set.bind(headers), removeHeader: () => undefined };
  const decide = helmet({ strictTransportSecurity: false }); // Nginx sends that one, where TLS ends
  decide({} as Request, recorder as unknown as Response, () => undefined);
  const lines = [...headers].map(([name, value]) => ({ key: name.toLowerCase(), text: `${name}: ${value}\r\n` }));
  const all = lines.map(({ text }) => text).join('');

  const { _storeHeader: original } = ServerResponse.prototype as { _storeHeader?: StoreHeader };
  const storeHeader: StoreHeader = function (statusLine, given) {
    const own = given ?? {};
    const isSet = lines.some(({ key }) => key in own);
    const text = isSet ? lines.map((line) => (line.key in own ? '' : line.text)).join('') : all;
    original?.call(this, statusLine + text, given);
  };

  return (_req, res, next) => {
    if (original === undefined) for (const [name, value] of headers) res.setHeader(name, value);
    else (res as { _storeHeader?: StoreHeader })._storeHeader = storeHeader;
    next();
  };
}
