/**
 * How operations tell what they are doing. `ui/` draws it, tests record it; nothing below `ui/` prints.
 */
export interface Reporter {
  /** Opens a set of lines, one a subject (a machine, an image), that live until each has ended. */
  open(subjects: readonly string[]): Progress;
  /** One plain line that is no result: what is being waited for, what to type next. */
  note(message: string): void;
  warn(message: string): void;
}

export interface Progress {
  /** What the subject is doing now; `fraction` is 0 to 1 where known. */
  update(subject: string, text: string, fraction?: number): void;
  done(subject: string, text?: string): void;
  failed(subject: string, reason: string): void;
  /** Subjects that have not ended are shown as skipped. Resolves when the last line is drawn. */
  close(): Promise<void>;
}
