import { explanationOf } from '../base/errors.js';
import type { Outcome } from './fan-out.js';

/** How the work on each machine ended, as `--json` tells it: `{ok, failed, skipped}`. */
export interface BatchReport<T> {
  ok: T[];
  failed: { name: string; error: string }[];
  skipped: string[];
}

export function reportOf<V, T>(
  outcomes: readonly Outcome<V>[],
  show: (name: string, value: V) => T,
): BatchReport<T> {
  return {
    ok: outcomes.flatMap((outcome) => (outcome.status === 'ok' ? [show(outcome.name, outcome.value)] : [])),
    failed: outcomes.flatMap((outcome) =>
      outcome.status === 'failed' ? [{ name: outcome.name, error: explanationOf(outcome.error) }] : [],
    ),
    skipped: outcomes.flatMap((outcome) => (outcome.status === 'skipped' ? [outcome.name] : [])),
  };
}
