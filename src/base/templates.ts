import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A template with its values. */
export interface Template {
  name: string;
  values?: Readonly<Record<string, string>>;
}

/** The texts in `templates/` that belt copies to machines or prints. */
export interface Templates {
  /** Replaces each `{{key}}`. @throws Error (a bug) for a missing or an unused value */
  render(name: string, values?: Readonly<Record<string, string>>): Promise<string>;
}

export function templatesIn(folder: string): Templates {
  return {
    async render(name, values = {}) {
      return fill(name, await readFile(join(folder, name), 'utf8'), values);
    },
  };
}

function fill(name: string, text: string, values: Readonly<Record<string, string>>): string {
  const unused = new Set(Object.keys(values));
  const filled = text.replaceAll(/\{\{(\w+)\}\}/g, (_, key: string) => {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    if (value === undefined) throw new Error(`template ${name}: no value for ${key}`);
    unused.delete(key);
    return value;
  });
  if (unused.size > 0) throw new Error(`template ${name}: unused values: ${[...unused].join(', ')}`);
  return filled;
}
