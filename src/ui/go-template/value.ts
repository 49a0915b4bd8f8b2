/** JSON as Go decodes it into `interface{}`. Undefined: a key that the map lacks. */
export type GoValue = string | number | boolean | null | undefined | readonly GoValue[] | GoMap;

interface GoMap {
  readonly [key: string]: GoValue;
}

export function isList(value: GoValue): value is readonly GoValue[] {
  return Array.isArray(value);
}

export function isMap(value: GoValue): value is GoMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** In the order of Go's templates and JSON. */
export function sortedKeys(map: GoMap): string[] {
  return Object.keys(map).sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
}

/** Go's truth: neither zero nor empty. */
export function isTrue(value: GoValue): boolean {
  if (isList(value)) return value.length > 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** Go's `%v`: `[a b]`, `map[k:v]`, but with whole numbers in full even above a million. */
export function show(value: GoValue): string {
  if (value === null || value === undefined) return '<nil>';
  if (isList(value)) return `[${value.map(show).join(' ')}]`;
  if (isMap(value)) {
    return `map[${sortedKeys(value)
      .map((key) => `${key}:${show(value[key])}`)
      .join(' ')}]`;
  }
  return String(value);
}

export function print(value: GoValue): string {
  return value === null || value === undefined ? '<no value>' : show(value);
}

/** Go's JSON: sorted keys, and `<`, `>`, `&` escaped. */
export function goJson(value: GoValue, indent?: number): string {
  return JSON.stringify(sorted(value), undefined, indent).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function sorted(value: GoValue): GoValue {
  if (isList(value)) return value.map(sorted);
  if (isMap(value)) return Object.fromEntries(sortedKeys(value).map((key) => [key, sorted(value[key])]));
  return value ?? null;
}

/** Go's `%q`. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(/\\u00([0-9a-f]{2})/g, '\\x$1');
}

export function typeOf(value: GoValue): string {
  if (value === null || value === undefined) return 'nil';
  if (isList(value)) return '[]interface {}';
  if (isMap(value)) return 'map[string]interface {}';
  return { string: 'string', number: 'float64', boolean: 'bool' }[typeof value as 'string'];
}
