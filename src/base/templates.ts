import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The texts that belt puts on machines and hands to users, from the `templates/` folder. */
export interface Templates {
  /**
   * Reads `templates/<name>` and fills each `{{key}}` with its value.
   * @throws Error when the template names a value that is not given, or one is given that it does not name: both are bugs.
   */
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
  if (unused.size > 0) throw new Error(`template ${name}: nothing takes ${[...unused].join(', ')}`);
  return filled;
}
