/** The formats of docker, DigitalOcean and AWS. */
const secrets: readonly [pattern: RegExp, shown: string][] = [
  [/SWM(TKN|KEY)-1-[A-Za-z0-9+/=-]+/g, 'SWM$1-1-[redacted]'],
  [
    /(-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----)[\s\S]*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)/g,
    '$1[redacted]$2',
  ],
  [/\b(Bearer|Basic)\s+(?!\[redacted\])[A-Za-z0-9._~+/=-]{8,}/gi, '$1 [redacted]'],
  [/\bdo([opr])_v1_[A-Za-z0-9]+/g, 'do$1_v1_[redacted]'],
  [
    /((?:secret[_-]?access[_-]?key|secret[_-]?key|session[_-]?token|access[_-]?token)["']?\s*[=:]\s*["']?)(?!\[redacted\])[^\s"',;]+/gi,
    '$1[redacted]',
  ],
  [/(--[a-z0-9-]*(?:access-token|secret-key|session-token)\s+)(?!\[redacted\])\S+/gi, '$1[redacted]'],
];

/** Hides join tokens, unlock keys, private keys, and tokens and keys of providers. */
export function redact(text: string): string {
  return secrets.reduce((safe, [pattern, shown]) => safe.replaceAll(pattern, shown), text);
}
