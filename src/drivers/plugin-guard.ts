import { ExternalError, isAbort, messageOf, UserError } from '../base/errors.js';
import type { Driver } from './driver.js';

type Call<Args extends unknown[], Result> = (...args: Args) => Promise<Result>;

/** A package cannot import belt's classes, so an error's `name` decides if it is a UserError. */
export function guardDriver(name: string, driver: Driver): Driver {
  return guardObject(name, driver);
}

export function guardModuleCall(name: string) {
  return <Args extends unknown[], Result>(call: Call<Args, Result>): Call<Args, Result> =>
    async (...args) => {
      try {
        return await call(...args);
      } catch (error) {
        throw toBeltError(name, error);
      }
    };
}

/** Calls methods on the driver itself: a proxy of a class with private fields would fail. */
function guardObject<T extends object>(name: string, target: T): T {
  return new Proxy({} as T, {
    get(_, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value === 'function')
        return (...args: unknown[]) => guardResult(name, () => Reflect.apply(value, target, args));
      return isObject(value) && key === 'images' ? guardObject(name, value) : value;
    },
  });
}

function guardResult(name: string, call: () => unknown): unknown {
  try {
    const result = call();
    if (result instanceof Promise) return guardPromise(name, result);
    return isObject(result) && Symbol.asyncIterator in result
      ? guardEvents(name, result as AsyncIterable<unknown>)
      : result;
  } catch (error) {
    throw toBeltError(name, error);
  }
}

async function guardPromise(name: string, promise: Promise<unknown>): Promise<unknown> {
  try {
    return guardFixes(name, await promise);
  } catch (error) {
    throw toBeltError(name, error);
  }
}

async function* guardEvents(name: string, events: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  try {
    yield* events;
  } catch (error) {
    throw toBeltError(name, error);
  }
}

function guardFixes(name: string, result: unknown): unknown {
  if (!Array.isArray(result)) return result;
  return result.map((item: unknown) => {
    if (!isObject(item) || !('fix' in item) || typeof item.fix !== 'function') return item;
    const { fix } = item;
    return { ...item, fix: (signal: AbortSignal) => guardResult(name, () => fix.call(item, signal)) };
  });
}

function toBeltError(name: string, error: unknown): unknown {
  if (isAbort(error)) return error;
  const hint =
    isObject(error) && 'hint' in error && typeof error.hint === 'string' ? { hint: error.hint } : {};
  const message = `${name}: ${messageOf(error)}`;
  const isUserError = error instanceof Error && error.name === 'UserError';
  return isUserError
    ? new UserError(message, { ...hint, cause: error })
    : new ExternalError(message, { ...hint, cause: error });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
