import { quoteArgs } from '../base/quote-args.js';
import { splitFlag } from './go-flags.js';

/** Of the flags that all commands take. */
const globalSecrets = ['github-api-token', 'bugsnag-api-token'];

/**
 * A command line for a person to type again: a POSIX shell makes the same words of it, but for values that nobody else should read.
 * @param secrets names of flags with such values, without dashes
 */
export function toldBack(words: readonly string[], secrets: readonly string[] = []): string {
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
