import { AsyncLocalStorage } from 'node:async_hooks';
import axios, { type AxiosInstance, type AxiosResponse, isAxiosError, isCancel } from 'axios';
import { DigitalOcean } from 'digitalocean-js';
import shared from 'digitalocean-js/src/lib/axios-instance.js';
import { AbortError, messageOf } from '../../base/errors.js';
import { mebibyte } from '../../base/size-limit.js';
import { type Clock, realClock } from '../kit/rate-limit.js';
import { type ApiResponse, isPage, toDigitalOceanError } from './digitalocean-error.js';
import { openRateLimit, updateRateLimit, withRetry } from './rate-limit.js';

const requestTimeoutMs = 30_000;

interface SendOptions {
  signal?: AbortSignal;
  /** Never sent twice: when its response is lost, the error is `unclear` and the caller checks. */
  once?: boolean;
}

/** A page of 200 droplets takes 1 MB. */
const maxResponseBytes = 64 * mebibyte;

/** The library, and the axios instance that its services share, for calls that it lacks. */
export interface ApiClients {
  library: DigitalOcean;
  instance: AxiosInstance;
}

/** Within the rate limits, with retries. @throws DigitalOceanError; AbortError */
export type SendRequest = <T>(
  request: (clients: ApiClients) => Promise<T>,
  options?: SendOptions,
) => Promise<T>;

/**
 * digitalocean-js sends everything through one axios instance of its module, from an axios of 2021.
 * It is replaced by one of a current axios, so a process can use one token only.
 */
export function connect(
  { token, url }: { token: string; url: string },
  clock: Clock = realClock,
  timeoutMs: number = requestTimeoutMs,
): SendRequest {
  // A redirect would leak the token.
  const instance = axios.create({ timeout: timeoutMs, maxRedirects: 0, maxContentLength: maxResponseBytes });
  Object.assign(shared, { instance });
  const library = new DigitalOcean(token, url);
  const limit = openRateLimit(clock);
  // The library's methods take no signal.
  const signals = new AsyncLocalStorage<AbortSignal | undefined>();

  instance.interceptors.request.use(async (config) => {
    const signal = signals.getStore();
    await limit.take(signal);
    // Only reads are aborted: the response to a change is needed.
    return signal && config.method === 'get' ? { ...config, signal } : config;
  });
  instance.interceptors.response.use(
    (response) => {
      updateRateLimit(limit, response.headers);
      if (isPage(response.data)) throw toDigitalOceanError(responseOf(response), clock.now());
      return response;
    },
    (error: unknown) => {
      if (isCancel(error)) throw new AbortError();
      // The request interceptor throws belt's own errors.
      if (!isAxiosError(error)) throw error;
      if (error.response) updateRateLimit(limit, error.response.headers);
      throw toDigitalOceanError(error.response ? responseOf(error.response) : noResponse(error), clock.now());
    },
  );

  return (request, { signal, once = false } = {}) =>
    withRetry(() => signals.run(signal, () => request({ library, instance })), { clock, signal, once });
}

function responseOf({ status, headers, data, config }: AxiosResponse): ApiResponse {
  return { request: requestOf(config), status, headers: { ...headers }, body: data };
}

function noResponse({
  code,
  config,
  cause,
}: {
  code?: string;
  config?: unknown;
  cause?: unknown;
}): ApiResponse {
  const reason = code ?? (cause === undefined ? undefined : messageOf(cause));
  return { request: requestOf(config), headers: {}, body: undefined, ...(reason && { code: reason }) };
}

function requestOf(config: unknown): string {
  const { method = 'get', url = '' } = (config ?? {}) as { method?: string; url?: string };
  return `${method.toUpperCase()} ${url}`;
}
