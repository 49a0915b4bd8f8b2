import { quoteArgs } from '../base/quote-args.js';
import { type FlagEntry, globalFlags } from './global-flags.js';
import { splitFlag } from './go-flags.js';

const globalSecrets = Object.entries<FlagEntry>(globalFlags).flatMap(([name, { secret }]) =>
  secret ? [name] : [],
);

/**
 * Quotes a command line to run again, without the values of secret flags.
 * @param secrets names of secret flags, without dashes
 */
export function redactedCommandLine(words: readonly string[], secrets: readonly string[] = []): string {
  const hidden = new Set([...globalSecrets, ...secrets]);
  const isSecret = (flag: string): boolean => hidden.has(flag.replace(/^--?/, '')) && flag.startsWith('-');
  return words
    .map((word, index) => {
      const [flag, value] = splitFlag(word);
      if (value !== undefined && isSecret(flag)) return `${flag}=[redacted]`;
      return isSecret(words[index - 1] ?? '') ? '[redacted]' : quoteArgs([word]);
    })
    .join(' ');
}
