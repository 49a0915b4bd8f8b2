import { ExternalError } from '../../base/errors.js';

/** What came back for a request. Nothing of the request's headers is in it: they hold the token. */
export interface Answer {
  /** `GET /droplets` */
  request: string;
  /** Absent: nobody answered. */
  status?: number;
  headers: Readonly<Record<string, unknown>>;
  body: unknown;
  /** Node's and axios' word for why nobody answered: `ECONNREFUSED`. */
  code?: string;
}

interface Details {
  status: number | undefined;
  unclear: boolean;
  repeatable: boolean;
  waitMs: number | undefined;
  hint: string | undefined;
}

/**
 * A request that DigitalOcean did not carry out, in the person's terms. axios' own errors hold the token and end where this one
 * is made.
 */
export class DigitalOceanError extends ExternalError {
  /** Of the HTTP answer, where there was one. */
  readonly status: number | undefined;
  /** Whether DigitalOcean may have carried the request out all the same. */
  readonly unclear: boolean;
  /** Whether the same request may succeed later. */
  readonly repeatable: boolean;
  /** Milliseconds that DigitalOcean asks to wait, where it does. */
  readonly waitMs: number | undefined;

  constructor(message: string, { hint, status, unclear, repeatable, waitMs }: Partial<Details> = {}) {
    super(message, { ...(hint !== undefined && { hint }) });
    this.status = status;
    this.unclear = unclear ?? false;
    this.repeatable = repeatable ?? false;
    this.waitMs = waitMs;
  }
}

export const tokenPage = 'https://cloud.digitalocean.com/account/api/tokens';

/** @param now milliseconds since 1970, for what headers say of time */
export function explain(answer: Answer, now: number): DigitalOceanError {
  const { status, code = 'no answer' } = answer;
  if (status === undefined) {
    const message = noAnswer[code] ?? `DigitalOcean cannot be reached (${code})`;
    return new DigitalOceanError(message, { unclear: true, repeatable: true });
  }
  const said = messageIn(answer.body);
  const of = (message: string, details: Partial<Details> = {}): DigitalOceanError =>
    new DigitalOceanError(message, { status, ...details });
  if (status === 401)
    return of('DigitalOcean does not accept the access token', {
      hint: `make one that may read and write at ${tokenPage} and set DIGITALOCEAN_ACCESS_TOKEN`,
    });
  if (status === 403)
    return of(`the access token does not allow ${answer.request}${inBrackets(said)}`, {
      hint: `give the token that scope at ${tokenPage}`,
    });
  if (status === 404) return of(`DigitalOcean knows nothing at ${answer.request}${inBrackets(said)}`);
  if (status === 422) return of(`DigitalOcean refuses: ${said ?? answer.request}`, hintFor(said));
  if (status === 429)
    return of("DigitalOcean's limit of requests is used up", {
      repeatable: true,
      waitMs: waitIn(answer.headers, now),
      hint: 'wait a little, then run the same command again: it goes on where it was',
    });
  const what = said ?? (isPage(answer.body) ? 'a web page instead of an answer' : answer.request);
  const failed = status >= 500 || status < 300;
  return of(`DigitalOcean failed (${status}): ${what}`, { unclear: failed, repeatable: failed });
}

/** A proxy's or a load balancer's page in the place of an answer. */
export function isPage(body: unknown): boolean {
  return typeof body === 'string' && body.trim() !== '';
}

const noAnswer: Readonly<Record<string, string>> = {
  ECONNABORTED: 'DigitalOcean did not answer in time',
  ETIMEDOUT: 'DigitalOcean did not answer in time',
  ENOTFOUND: "DigitalOcean's address cannot be looked up",
  EAI_AGAIN: "DigitalOcean's address cannot be looked up",
};

/** The fields are those of every error of the API: `id`, `message`, `request_id`. */
function messageIn(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { id, message, request_id: request } = body as Record<string, unknown>;
  const text = message ?? id;
  if (typeof text !== 'string' || text === '') return undefined;
  return request === undefined ? text : `${text} (request ${String(request)})`;
}

function inBrackets(text: string | undefined): string {
  return text === undefined ? '' : ` (${text})`;
}

function hintFor(said = ''): Partial<Details> {
  if (!/limit/i.test(said)) return {};
  return {
    hint: 'remove droplets, or ask for more at https://cloud.digitalocean.com/account/team/droplet_limit_increase',
  };
}

/** A burst is told by `retry-after` (seconds), a used up hour by `ratelimit-reset` (seconds since 1970). */
function waitIn(headers: Answer['headers'], now: number): number | undefined {
  const seconds = numberIn(headers, 'retry-after');
  if (seconds !== undefined) return seconds * 1000;
  const reset = numberIn(headers, 'ratelimit-reset');
  return reset === undefined || numberIn(headers, 'ratelimit-remaining') !== 0
    ? undefined
    : Math.max(0, reset * 1000 - now);
}

export function numberIn(headers: Answer['headers'], name: string): number | undefined {
  const value = headers[name];
  return /^\d{1,12}$/.test(String(value)) ? Number(value) : undefined;
}
