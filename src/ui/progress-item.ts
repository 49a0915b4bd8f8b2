import { withoutName } from '../base/errors.js';
import { oneLine } from './safe-text.js';
import { capitalize } from './table.js';

export type EndStatus = 'done' | 'failed' | 'interrupted' | 'skipped';

/** A line of progress. Times are in milliseconds of one clock. */
export interface Subject {
  readonly name: string;
  status: 'waiting' | 'running' | EndStatus;
  text: string;
  /** 0 to 1; undefined: unknown. */
  fraction?: number;
  /** When its first step began, or it was opened. */
  startMs: number;
  endMs?: number;
}

export function newSubject(name: string, nowMs: number): Subject {
  return { name: oneLine(name), status: 'waiting', text: '', startMs: nowMs };
}

/** Ended subjects never change: a late step must not revive one. */
export function hasEnded(subject: Subject): boolean {
  return subject.endMs !== undefined;
}

export function startStep(subject: Subject, text: string, fraction: number | undefined, nowMs: number): void {
  if (hasEnded(subject)) return;
  if (subject.status === 'waiting') subject.startMs = nowMs;
  subject.status = 'running';
  subject.text = capitalizeStep(text);
  delete subject.fraction;
  if (fraction !== undefined) subject.fraction = Math.min(1, Math.max(0, fraction));
}

export function endSubject(subject: Subject, status: EndStatus, text: string, nowMs: number): void {
  if (hasEnded(subject)) return;
  subject.status = status;
  subject.text = status === 'failed' ? withoutName(subject.name, text) : capitalizeStep(text);
  subject.endMs = nowMs;
  delete subject.fraction;
}

/** When the work was stopped before its end. */
export function statusAtClose({ status }: Subject): EndStatus {
  return status === 'running' ? 'interrupted' : 'skipped';
}

/** Keeps a first word that is not plain: `node1`. */
export function capitalizeStep(text: string): string {
  return /^[a-z]+(?![^\s,:;])/.test(text) ? capitalize(text) : text;
}

export function elapsedMs(subject: Subject, nowMs: number): number {
  return (subject.endMs ?? nowMs) - subject.startMs;
}
