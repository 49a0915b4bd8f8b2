/**
 * How operations report progress. `ui/` draws it, tests record it; nothing below `ui/` prints.
 */
export interface Reporter {
  /** Opens a set of lines, one per subject (a machine, a node), that live until each has ended. */
  open(subjects: readonly string[]): Progress;
  /**
   * Runs a stage of an operation. What `work` reports to the reporter it is given appears beneath
   * the title, with the time it took; a stage that reports nothing is not shown.
   */
  stage<T>(title: string, work: (stage: StageReporter) => Promise<T>): Promise<T>;
  /** One plain line that is not a result: what is being waited for, what to type next. */
  note(message: string): void;
  warn(message: string): void;
}

export interface StageReporter extends Reporter {
  /**
   * Ends the step before and begins the next; the same text again only moves `fraction` (0 to 1).
   */
  step(text: string, fraction?: number): void;
  /** The stage has failed for this reason and is attempted again. */
  retry(reason: string): void;
}

export interface Progress {
  /** What the subject is doing now; `fraction` is 0 to 1 where known. */
  update(subject: string, text: string, fraction?: number): void;
  done(subject: string, text?: string): void;
  failed(subject: string, reason: string): void;
  /** Subjects that have not ended are shown as skipped. Resolves when the last line is drawn. */
  close(): Promise<void>;
}

/** Shows what is being done to a subject right now. */
export type Step = (text: string) => void;
