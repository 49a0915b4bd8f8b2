import { AbortError } from '../base/errors.js';

/** Lets a limited number run at a time; the others queue. */
export class Semaphore {
  #limit: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves to the function that gives the slot back. @throws AbortError */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    if (signal?.aborted) throw new AbortError();
    if (this.#taken >= this.#limit) await this.#turn(signal);
    else this.#taken++;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#giveBack();
    };
  }

  /** From now on only as many as are taken at the moment, less the one that asks; `false` when that one is alone. */
  shrinkBelowUsage(): boolean {
    if (this.#taken <= 1) return false;
    this.#limit = Math.min(this.#limit, this.#taken - 1);
    return true;
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(new AbortError());
      };
      const go = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      this.#waiting.push(go);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  /** The slot goes straight to the next in line, so that a newcomer cannot jump the queue. */
  #giveBack(): void {
    const next = this.#taken <= this.#limit ? this.#waiting.shift() : undefined;
    if (next) next();
    else this.#taken--;
  }
}
