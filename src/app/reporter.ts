/** How operations report progress. `ui/` draws it; nothing below `ui/` prints. */
export interface Reporter {
  /** One line per subject (a machine, a node). */
  open(subjects: readonly string[]): Progress;
  /** Shows the progress reported to `stage` below the title. An empty stage is not shown. */
  stage<T>(title: string, work: (stage: StageReporter) => Promise<T>): Promise<T>;
  /** A line that is not a result: what belt waits for, what to type next. */
  note(message: string): void;
  warn(message: string): void;
}

export interface StageReporter extends Reporter {
  /** Ends the current step. Repeating a text only updates `fraction` (0 to 1). */
  step(text: string, fraction?: number): void;
  retry(reason: string): void;
}

export interface Progress {
  /** @param fraction 0 to 1; undefined: unknown */
  update(subject: string, text: string, fraction?: number): void;
  done(subject: string, text?: string): void;
  failed(subject: string, reason: string): void;
  /** Shows subjects that have not ended as skipped. Resolves after the last line is drawn. */
  close(): Promise<void>;
}

/** @param fraction 0 to 1; undefined: unknown */
export type Step = (text: string, fraction?: number) => void;
