import { UserError } from '../../base/errors.js';
import { evaluate, type MissingField } from './evaluate.js';
import { parseTemplate, type TemplateNode } from './parse.js';
import type { GoValue } from './value.js';

export type { GoValue };

/**
 * A template in the language of Go's text/template, as far as the formats of docker-machine and
 * docker use it.
 */
export interface GoTemplate {
  /**
   * @throws UserError, in Go's words, for what the data cannot answer: an index out of range, a
   * field of something without fields
   */
  render(data: GoValue): string;
}

export interface TemplateOptions {
  /**
   * What a field is that the data does not have: `<no value>`, as of a map in Go (the default), or
   * an error, as of a struct. Holds for the data itself; below it everything is a map.
   */
  missing?: MissingField;
}

/**
 * Reads a template: fields, variables, pipelines, `if`, `with`, `range`, comparison, `index`,
 * `len`, `slice`, `printf`, and docker-machine's `json` and `prettyjson`. Whole numbers are shown
 * in full where Go would write 1.048576e+06.
 * @see https://pkg.go.dev/text/template
 * @throws UserError `template parsing error: template: :1: …`
 */
export function parseGoTemplate(text: string, { missing = 'no value' }: TemplateOptions = {}): GoTemplate {
  const nodes: TemplateNode[] = parseTemplate(text);
  return { render: (data) => evaluate(nodes, data, missing) };
}

/**
 * The characters `\t` and `\n` that a shell left in single quotes, as docker-machine and docker
 * take them.
 */
export function expandEscapes(text: string): string {
  return text.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
}

/** @throws UserError as `parseGoTemplate` and `render` */
export function formatWithTemplate(text: string, data: GoValue, options?: TemplateOptions): string {
  if (text.trim() === '') throw new UserError('the format is empty', { hint: "--format '{{.Name}}'" });
  return parseGoTemplate(text, options).render(data);
}
