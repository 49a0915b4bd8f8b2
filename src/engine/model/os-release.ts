/** See os-release(5). */
export interface OsRelease {
  /** Such as `debian`; empty without an os-release file. */
  id: string;
  /** Closest first. */
  idLike: readonly string[];
  versionId: string;
  codename: string;
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

/** Values follow shell quoting. */
function assignment(line: string): [string, string][] {
  const [, name, value = ''] = /^\s*([A-Z][A-Z0-9_]*)=(.*?)\s*$/.exec(line) ?? [];
  if (name === undefined) return [];
  const [, quote, inner] = /^(["'])(.*)\1$/.exec(value) ?? [];
  if (quote === undefined || inner === undefined) return [[name, value]];
  return [[name, quote === '"' ? inner.replaceAll(/\\([\\"$`])/g, '$1') : inner]];
}
