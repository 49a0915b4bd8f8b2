import { AsyncLocalStorage } from 'node:async_hooks';
import axios, { type AxiosInstance, type AxiosResponse, isAxiosError, isCancel } from 'axios';
import { DigitalOcean } from 'digitalocean-js';
import shared from 'digitalocean-js/src/lib/axios-instance.js';
import { AbortError, messageOf } from '../../base/errors.js';
import { type Clock, realClock } from './clock.js';
import { type Answer, explain, isPage } from './digitalocean-error.js';
import { RateLimit } from './rate-limit.js';
import { persist } from './retry-policy.js';

/** How long one request may take. */
const requestTimeoutMs = 30_000;

export interface AskOptions {
  signal?: AbortSignal;
  /** Must not be done twice: when its answer is lost, the error says `unclear` and the caller finds out. */
  once?: boolean;
}

/** The library and the axios instance that all of its services share, for the calls that it lacks. */
export interface Tools {
  library: DigitalOcean;
  instance: AxiosInstance;
}

/**
 * DigitalOcean's API for one token: keeps to its limits, tries again what may pass, and gives up in the person's terms.
 * @throws DigitalOceanError; AbortError
 */
export type Ask = <T>(request: (tools: Tools) => Promise<T>, options?: AskOptions) => Promise<T>;

/**
 * digitalocean-js sends everything through one axios instance of its module, made with an axios of 2021: it gets one of a current
 * axios. So there is one token a process.
 */
export function connect(
  { token, url }: { token: string; url: string },
  clock: Clock = realClock,
  timeoutMs: number = requestTimeoutMs,
): Ask {
  // A redirect would take the token along.
  const instance = axios.create({ timeout: timeoutMs, maxRedirects: 0 });
  Object.assign(shared, { instance });
  const library = new DigitalOcean(token, url);
  const limit = new RateLimit(clock);
  // The library's methods take no signal.
  const signals = new AsyncLocalStorage<AbortSignal | undefined>();

  instance.interceptors.request.use(async (config) => {
    const signal = signals.getStore();
    await limit.take(signal);
    // What changes something is not cut off: its answer tells what has been done.
    return signal && config.method === 'get' ? { ...config, signal } : config;
  });
  instance.interceptors.response.use(
    (response) => {
      limit.note(response.headers);
      if (isPage(response.data)) throw explain(answerOf(response), clock.now());
      return response;
    },
    (error: unknown) => {
      if (isCancel(error)) throw new AbortError();
      // What the request's own interceptor threw is belt's.
      if (!isAxiosError(error)) throw error;
      if (error.response) limit.note(error.response.headers);
      throw explain(error.response ? answerOf(error.response) : silence(error), clock.now());
    },
  );

  return (request, { signal, once = false } = {}) =>
    persist(() => signals.run(signal, () => request({ library, instance })), { clock, signal, once });
}

function answerOf({ status, headers, data, config }: AxiosResponse): Answer {
  return { request: requestOf(config), status, headers: { ...headers }, body: data };
}

function silence({ code, config, cause }: { code?: string; config?: unknown; cause?: unknown }): Answer {
  const reason = code ?? (cause === undefined ? undefined : messageOf(cause));
  return { request: requestOf(config), headers: {}, body: undefined, ...(reason && { code: reason }) };
}

function requestOf(config: unknown): string {
  const { method = 'get', url = '' } = (config ?? {}) as { method?: string; url?: string };
  return `${method.toUpperCase()} ${url}`;
}
