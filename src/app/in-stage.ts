import type { Context } from './context.js';

export function inStage<T>(
  title: string,
  context: Context,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  return context.reporter.stage(title, (reporter) => work({ ...context, reporter }));
}
