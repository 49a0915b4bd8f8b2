import type { X509Certificate } from 'node:crypto';
import { UserError } from '../../base/errors.js';
import { type CertificatePair, dayMs } from './certificate-terms.js';
import { canonicalName, canonicalNames } from './server-names.js';

export interface Certificate {
  /** For example `O=belt, CN=node1`. */
  subject: string;
  notBefore: Date;
  notAfter: Date;
  /** Host names and addresses, in canonical form. */
  names: string[];
  isAuthority: boolean;
  /** SHA-256, hexadecimal with colons. */
  fingerprint: string;
}

/** The first certificate of a PEM text. @throws UserError without one */
export function readCertificate(pem: string): Certificate {
  const certificate = parse(pem);
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
    names: alternativeNames(certificate.subjectAltName),
    isAuthority: certificate.ca,
    fingerprint: certificate.fingerprint256,
  };
}

/** Whole days until it expires; negative after that. */
export function daysLeft({ notAfter }: Pick<Certificate, 'notAfter'>, now: Date): number {
  return Math.floor((notAfter.getTime() - now.getTime()) / dayMs);
}

export function matches({ names }: Pick<Certificate, 'names'>, required: readonly string[]): boolean {
  return missingNames({ names }, required).length === 0;
}

/** In canonical form. */
export function missingNames({ names }: Pick<Certificate, 'names'>, required: readonly string[]): string[] {
  return canonicalNames(required).filter((name) => !names.includes(name));
}

/** Whether one of the CAs (a PEM text) has issued it, and both are valid now. */
export function isValid(pem: string, authorities: string, now: Date): boolean {
  const certificate = parse(pem);
  return (
    validAt(certificate, now) &&
    splitPem(authorities)
      .map(parse)
      .some((authority) => validAt(authority, now) && issued(authority, certificate))
  );
}

/** Ignores validity periods. */
export function isIssuedBy(pem: string, authorities: string): boolean {
  const certificate = parse(pem);
  return splitPem(authorities).some((authority) => issued(parse(authority), certificate));
}

export function certificateOfKey(certificates: string, key: string): string | undefined {
  return splitPem(certificates).find((pem) => matchesKey({ certificate: pem, key }));
}

/** @throws UserError when it is not a certificate */
export function matchesKey({ certificate, key }: CertificatePair): boolean {
  const x509 = parse(certificate);
  try {
    return x509.checkPrivateKey(crypto().createPrivateKey(key));
  } catch {
    return false;
  }
}

export function splitPem(pem: string): string[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return found.map((text) => `${text}\n`);
}

/** Without duplicates. */
export function joinPem(...texts: readonly string[]): string {
  return [...new Set(texts.flatMap(splitPem))].join('');
}

function parse(pem: string): X509Certificate {
  try {
    return new (crypto().X509Certificate)(pem);
  } catch (cause) {
    throw new UserError('not a PEM certificate', { cause });
  }
}

function issued(authority: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function validAt({ validFrom, validTo }: X509Certificate, now: Date): boolean {
  return new Date(validFrom) <= now && now <= new Date(validTo);
}

/** Node's format: `DNS:node1, IP Address:10.0.0.1`. Other entries are ignored. */
function alternativeNames(text: string | undefined): string[] {
  return (text ?? '').split(', ').flatMap((entry) => {
    const [, name] = /^(?:DNS|IP Address):(.+)$/.exec(entry) ?? [];
    try {
      return name === undefined ? [] : [canonicalName(name)];
    } catch {
      return [];
    }
  });
}

/** Loaded on first use: most commands only need the date in a small file. */
function crypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}
