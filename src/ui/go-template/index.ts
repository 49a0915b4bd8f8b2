import { UserError } from '../../base/errors.js';
import { evaluate, type MissingField } from './evaluate.js';
import { parseTemplate, type TemplateNode } from './parse.js';
import type { GoValue } from './value.js';

export type { GoValue };

/** The part of Go's text/template that formats of docker and docker-machine use. */
interface GoTemplate {
  /** @throws UserError in Go's words, such as for an index out of range */
  render(data: GoValue): string;
}

interface TemplateOptions {
  /**
   * A missing field is `<no value>` (default), as in a Go map, or an error, as in a struct. Applies
   * to the top level; values below it are maps.
   */
  missing?: MissingField;
}

/**
 * Whole numbers are shown in full where Go would write 1.048576e+06.
 * @see https://pkg.go.dev/text/template
 * @throws UserError `template parsing error: template: :1: …`
 */
export function parseGoTemplate(text: string, { missing = 'no value' }: TemplateOptions = {}): GoTemplate {
  const nodes: TemplateNode[] = parseTemplate(text);
  return { render: (data) => evaluate(nodes, data, missing) };
}

/** As docker and docker-machine do for a format in single quotes. */
export function expandEscapes(text: string): string {
  return text.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
}

/** @throws UserError as `parseGoTemplate` and `render` */
export function formatWithTemplate(text: string, data: GoValue, options?: TemplateOptions): string {
  if (text.trim() === '') throw new UserError('the format is empty', { hint: "--format '{{.Name}}'" });
  return parseGoTemplate(text, options).render(data);
}
