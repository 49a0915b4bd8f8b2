/** See os-release(5). */
export interface OsRelease {
  /** Such as `debian`; empty without an os-release file. */
  id: string;
  /** Closest first. */
  idLike: readonly string[];
  versionId: string;
  /** Such as `platform:el9`; empty outside of the Fedora family. */
  platformId: string;
  /** `an unknown system` without a name. */
  prettyName: string;
}

export function parseOsRelease(text: string): OsRelease {
  const values = new Map(text.split('\n').flatMap(assignment));
  const id = (values.get('ID') ?? '').toLowerCase();
  const idLike = (values.get('ID_LIKE') ?? '').toLowerCase();
  return {
    id,
    idLike: idLike.split(/[\s,]+/).filter((word) => word !== ''),
    versionId: values.get('VERSION_ID') ?? '',
    platformId: values.get('PLATFORM_ID') ?? '',
    prettyName: values.get('PRETTY_NAME') || values.get('NAME') || id || 'an unknown system',
  };
}

/** Whether a system is one of these, or says that it is like one (`ID_LIKE`). */
export function isLike(...names: readonly string[]): (os: OsRelease) => boolean {
  return ({ id, idLike }) => [id, ...idLike].some((name) => names.includes(name));
}

/** Values follow shell quoting, with comments. A quote that is not closed ends with the line. */
function assignment(line: string): [string, string][] {
  const [, name, double, single, bare = ''] =
    /^\s*([A-Z][A-Z0-9_]*)=(?:"((?:[^"\\]|\\.)*)|'([^']*)|(\S*))/.exec(line) ?? [];
  if (name === undefined) return [];
  return [[name, (double?.replaceAll(/\\([\\"$`])/g, '$1') ?? single ?? bare).trimEnd()]];
}
