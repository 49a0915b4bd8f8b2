/** What /etc/os-release says of an operating system (os-release(5)). */
export interface OsRelease {
  /** `debian`, `rocky`; empty when the machine has no such file. */
  id: string;
  /** Systems that this one is like, the nearest first. */
  idLike: readonly string[];
  versionId: string;
  codename: string;
  /** For people. */
  prettyName: string;
}

export function parseOsRelease(text: string): OsRelease {
  const values = new Map(text.split('\n').flatMap(assignment));
  const id = values.get('ID') ?? '';
  return {
    id,
    idLike: (values.get('ID_LIKE') ?? '').split(/\s+/).filter((word) => word !== ''),
    versionId: values.get('VERSION_ID') ?? '',
    codename: values.get('VERSION_CODENAME') ?? '',
    prettyName: values.get('PRETTY_NAME') ?? id,
  };
}

/** Values are quoted as in a shell, with either quote or none. */
function assignment(line: string): [string, string][] {
  const [, name, value = ''] = /^\s*([A-Z][A-Z0-9_]*)=(.*?)\s*$/.exec(line) ?? [];
  if (name === undefined) return [];
  const [, quote, inner] = /^(["'])(.*)\1$/.exec(value) ?? [];
  if (quote === undefined || inner === undefined) return [[name, value]];
  return [[name, quote === '"' ? inner.replaceAll(/\\([\\"$`])/g, '$1') : inner]];
}
