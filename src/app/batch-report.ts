import { AbortError, type ErrorCode, errorCodeOf, explanationOf } from '../base/errors.js';
import type { Outcome } from './fan-out.js';

export interface FailureReport {
  code: ErrorCode;
  error: string;
}

/** As `-o json` prints it. */
export interface BatchReport<T> {
  ok: T[];
  failed: ({ name: string } & FailureReport)[];
  skipped: string[];
}

export function reportOf<V, T>(
  outcomes: readonly Outcome<V>[],
  show: (name: string, value: V) => T,
): BatchReport<T> {
  return {
    ok: outcomes.flatMap((outcome) => (outcome.status === 'ok' ? [show(outcome.name, outcome.value)] : [])),
    failed: outcomes.flatMap((outcome) => {
      const { name, status } = outcome;
      if (status === 'failed') return [{ name, ...reportFailure(outcome.error) }];
      return status === 'interrupted' ? [{ name, ...reportFailure(new AbortError()) }] : [];
    }),
    skipped: outcomes.flatMap((outcome) => (outcome.status === 'skipped' ? [outcome.name] : [])),
  };
}

export function reportFailure(error: Error): FailureReport {
  return { code: errorCodeOf(error), error: explanationOf(error) };
}
