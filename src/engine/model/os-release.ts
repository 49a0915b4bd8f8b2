/** See os-release(5). */
export interface OsRelease {
  /** Such as `debian`; empty without an os-release file. */
  id: string;
  /** Closest first. */
  idLike: readonly string[];
  versionId: string;
  /** Such as `platform:el9`; empty outside of the Fedora family. */
  platformId: string;
  prettyName: string;
}

export function parseOsRelease(text: string): OsRelease {
  const values = new Map(text.split('\n').flatMap(assignment));
  const id = values.get('ID') ?? '';
  return {
    id,
    idLike: (values.get('ID_LIKE') ?? '').split(/\s+/).filter((word) => word !== ''),
    versionId: values.get('VERSION_ID') ?? '',
    platformId: values.get('PLATFORM_ID') ?? '',
    prettyName: values.get('PRETTY_NAME') ?? id,
  };
}

/** Whether a system is one of these, or says that it is like one (`ID_LIKE`). */
export function isLike(...names: readonly string[]): (os: OsRelease) => boolean {
  return ({ id, idLike }) => [id, ...idLike].some((name) => names.includes(name));
}

/** Values follow shell quoting. */
function assignment(line: string): [string, string][] {
  const [, name, value = ''] = /^\s*([A-Z][A-Z0-9_]*)=(.*?)\s*$/.exec(line) ?? [];
  if (name === undefined) return [];
  const [, quote, inner] = /^(["'])(.*)\1$/.exec(value) ?? [];
  if (quote === undefined || inner === undefined) return [[name, value]];
  return [[name, quote === '"' ? inner.replaceAll(/\\([\\"$`])/g, '$1') : inner]];
}
