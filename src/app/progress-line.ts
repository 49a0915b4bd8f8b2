import type { PrepareProgress } from '../drivers/driver.js';
import type { Progress, Reporter } from './reporter.js';

/** One line of progress for work that belongs to no machine, such as building an image; drawn only once there is a step to show. */
export function sharedLine(
  subject: string,
  reporter: Reporter,
): { update: PrepareProgress; end(failure?: string): Promise<void> } {
  let progress: Progress | undefined;
  return {
    update(step, fraction) {
      progress ??= reporter.open([subject]);
      progress.update(subject, step, fraction);
    },
    async end(failure) {
      if (failure === undefined) progress?.done(subject);
      else progress?.failed(subject, failure);
      await progress?.close();
    },
  };
}
