import type { Context } from './context.js';

/** Runs work as a stage of an operation: all that it reports appears beneath the title. */
export function inStage<T>(
  title: string,
  context: Context,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  return context.reporter.stage(title, (reporter) => work({ ...context, reporter }));
}
