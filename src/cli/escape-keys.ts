import { Transform, type TransformCallback } from 'node:stream';

export interface EscapeActions {
  /** `~.` at the beginning of a line, as in ssh. */
  onDisconnect: () => void;
  /** A second Ctrl-C soon after the first. */
  onRepeatedInterrupt: () => void;
  /** Milliseconds of any clock. */
  now?: () => number;
}

const repeatMs = 3000;
const [tilde, dot, ctrlC, carriageReturn, lineFeed] = [0x7e, 0x2e, 0x03, 0x0d, 0x0a];

/** Passes keys on, and watches for those that end a connection. `~~` sends one `~`. */
export class EscapeKeys extends Transform {
  #isLineStart = true;
  #isEscape = false;
  #lastInterruptAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly actions: EscapeActions) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    done(null, Buffer.from([...chunk].flatMap((key) => this.#keysFor(key))));
  }

  #keysFor(key: number): number[] {
    if (key === ctrlC) this.#countInterrupt();
    if (this.#isEscape) {
      this.#isEscape = false;
      if (key === dot) {
        this.actions.onDisconnect();
        return [];
      }
      this.#isLineStart = key === carriageReturn || key === lineFeed;
      return key === tilde ? [tilde] : [tilde, key];
    }
    if (key === tilde && this.#isLineStart) {
      this.#isEscape = true;
      return [];
    }
    this.#isLineStart = key === carriageReturn || key === lineFeed || key === ctrlC;
    return [key];
  }

  #countInterrupt(): void {
    const now = (this.actions.now ?? performance.now.bind(performance))();
    if (now - this.#lastInterruptAt < repeatMs) this.actions.onRepeatedInterrupt();
    this.#lastInterruptAt = now;
  }
}
