import { ExternalError } from '../../base/errors.js';

/** The outcome of a request, without the request's headers: they hold the token. */
export interface ApiResponse {
  request: string;
  /** Undefined: there was no response. */
  status?: number;
  headers: Readonly<Record<string, unknown>>;
  body: unknown;
  /** Error code of Node.js or axios when there was no response: `ECONNREFUSED`. */
  code?: string;
}

interface ErrorDetails {
  status: number | undefined;
  unclear: boolean;
  repeatable: boolean;
  waitMs: number | undefined;
  hint: string | undefined;
}

/** A failed request. The errors of axios hold the token, so they are not kept as the cause. */
export class DigitalOceanError extends ExternalError {
  readonly status: number | undefined;
  /** Whether DigitalOcean may have carried out the request. */
  readonly unclear: boolean;
  /** Whether the same request may succeed later. */
  readonly repeatable: boolean;
  readonly waitMs: number | undefined;

  constructor(message: string, { hint, status, unclear, repeatable, waitMs }: Partial<ErrorDetails> = {}) {
    super(message, { ...(hint !== undefined && { hint }) });
    this.status = status;
    this.unclear = unclear ?? false;
    this.repeatable = repeatable ?? false;
    this.waitMs = waitMs;
  }
}

export const tokenPage = 'https://cloud.digitalocean.com/account/api/tokens';

/** @param now milliseconds since 1970, to interpret times in headers */
export function toDigitalOceanError(response: ApiResponse, now: number): DigitalOceanError {
  const { status, code = 'no response' } = response;
  if (status === undefined) {
    const message = noResponse[code] ?? `cannot connect to DigitalOcean (${code})`;
    return new DigitalOceanError(message, { unclear: true, repeatable: true });
  }
  const reason = apiMessage(response.body);
  const of = (message: string, details: Partial<ErrorDetails> = {}): DigitalOceanError =>
    new DigitalOceanError(message, { status, ...details });
  if (status === 401)
    return of('DigitalOcean rejected the access token', {
      hint: `create a token with read and write scope at ${tokenPage} and set DIGITALOCEAN_ACCESS_TOKEN`,
    });
  if (status === 403)
    return of(`the access token does not allow ${response.request}${inParentheses(reason)}`, {
      hint: `add the scope to the token at ${tokenPage}`,
    });
  if (status === 404)
    return of(`DigitalOcean has no such resource: ${response.request}${inParentheses(reason)}`);
  if (status === 422)
    return of(`DigitalOcean refused the request: ${reason ?? response.request}`, hintFor(reason));
  if (status === 429)
    return of('DigitalOcean API rate limit exceeded', {
      repeatable: true,
      waitMs: retryDelay(response.headers, now),
      hint: 'wait a few minutes and rerun the command; it resumes where it stopped',
    });
  const what = reason ?? (isPage(response.body) ? 'a web page instead of an API response' : response.request);
  const failed = status >= 500 || status < 300;
  return of(`DigitalOcean failed (${status}): ${what}`, { unclear: failed, repeatable: failed });
}

/** A web page of a proxy or load balancer in place of a response. */
export function isPage(body: unknown): boolean {
  return typeof body === 'string' && body.trim() !== '';
}

const noResponse: Readonly<Record<string, string>> = {
  ECONNABORTED: 'DigitalOcean did not respond in time',
  ETIMEDOUT: 'DigitalOcean did not respond in time',
  ENOTFOUND: "cannot resolve DigitalOcean's host name",
  EAI_AGAIN: "cannot resolve DigitalOcean's host name",
};

function apiMessage(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { id, message, request_id: request } = body as Record<string, unknown>;
  const text = message ?? id;
  if (typeof text !== 'string' || text === '') return undefined;
  return request === undefined ? text : `${text} (request ${String(request)})`;
}

function inParentheses(text: string | undefined): string {
  return text === undefined ? '' : ` (${text})`;
}

function hintFor(reason = ''): Partial<ErrorDetails> {
  if (!/limit/i.test(reason)) return {};
  return {
    hint: 'remove droplets, or request a higher limit at https://cloud.digitalocean.com/account/team/droplet_limit_increase',
  };
}

/** `retry-after` (seconds) follows a burst, `ratelimit-reset` (seconds since 1970) a used-up hour. */
function retryDelay(headers: ApiResponse['headers'], now: number): number | undefined {
  const seconds = numberIn(headers, 'retry-after');
  if (seconds !== undefined) return seconds * 1000;
  const reset = numberIn(headers, 'ratelimit-reset');
  return reset === undefined || numberIn(headers, 'ratelimit-remaining') !== 0
    ? undefined
    : Math.max(0, reset * 1000 - now);
}

export function numberIn(headers: ApiResponse['headers'], name: string): number | undefined {
  const value = headers[name];
  return /^\d{1,12}$/.test(String(value)) ? Number(value) : undefined;
}
