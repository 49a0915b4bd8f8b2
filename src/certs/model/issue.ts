import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  type CertificatePair,
  dayMs,
  type KeyType,
  type ServerNames,
  validDays,
} from './certificate-terms.js';
import * as der from './der.js';
import { generateKey, keyTypeOf, pemOfKey } from './private-keys.js';
import { canonicalNames } from './server-names.js';

interface IssueOptions {
  commonName: string;
  /** Default: the CA's. */
  keyType?: KeyType;
  /** Validity from now; never longer than the CA's. */
  days?: number;
  now?: Date;
}

interface AuthorityOptions extends IssueOptions {
  keyType: KeyType;
}

/** The clock of a new machine may be set to another time zone, at most 14 hours behind. */
const backdatedMs = dayMs;

/** A self-signed CA. */
export async function createAuthority(options: AuthorityOptions): Promise<CertificatePair> {
  const { privateKey, publicKey } = await generateKey(options.keyType);
  const name = der.distinguishedName(options.commonName);
  const identifier = der.keyIdentifier(publicKey);
  const certificate = der.signCertificate(
    {
      subject: name,
      issuer: name,
      ...validity(options, validDays.authority),
      publicKey,
      extensions: [
        der.basicConstraints(true),
        der.keyUsage(['keyCertSign', 'cRLSign']),
        der.subjectKeyIdentifier(identifier),
        der.authorityKeyIdentifier(identifier),
      ],
    },
    privateKey,
  );
  return { certificate, key: pemOfKey(privateKey) };
}

export function issueClient(authority: CertificatePair, options: IssueOptions): Promise<CertificatePair> {
  return issue(authority, options, () => [
    der.keyUsage(['digitalSignature']),
    der.extendedKeyUsage('clientAuth'),
  ]);
}

/** @throws UserError for a name that a certificate cannot contain */
export async function issueServer(
  authority: CertificatePair,
  { names, ...options }: IssueOptions & ServerNames,
): Promise<CertificatePair> {
  const alternatives = der.subjectAlternativeNames(canonicalNames(names));
  return issue(authority, options, (keyType) => [
    // Only RSA is used to encipher keys (RFC 5246, section 7.4.2).
    der.keyUsage(keyType === 'ecdsa-p256' ? ['digitalSignature'] : ['digitalSignature', 'keyEncipherment']),
    der.extendedKeyUsage('serverAuth'),
    alternatives,
  ]);
}

async function issue(
  authority: CertificatePair,
  options: IssueOptions,
  usage: (keyType: KeyType) => ReturnType<typeof der.keyUsage>[],
): Promise<CertificatePair> {
  const issuer = new X509Certificate(authority.certificate);
  const { keyType = keyTypeOf(authority.certificate) } = options;
  const { privateKey, publicKey } = await generateKey(keyType);
  const issuerIdentifier = der.keyIdentifierIn(issuer.raw);
  const certificate = der.signCertificate(
    {
      subject: der.distinguishedName(options.commonName),
      issuer: der.subjectOf(issuer.raw),
      ...validity(options, validDays.leaf, new Date(issuer.validTo)),
      publicKey,
      extensions: [
        der.basicConstraints(false),
        ...usage(keyType),
        der.subjectKeyIdentifier(der.keyIdentifier(publicKey)),
        // docker-machine's CAs have no identifier.
        ...(issuerIdentifier ? [der.authorityKeyIdentifier(issuerIdentifier)] : []),
      ],
    },
    createPrivateKey(authority.key),
  );
  return { certificate, key: pemOfKey(privateKey) };
}

function validity(
  { days, now = new Date() }: IssueOptions,
  defaultDays: number,
  latest?: Date,
): { notBefore: Date; notAfter: Date } {
  const end = now.getTime() + (days ?? defaultDays) * dayMs;
  return {
    notBefore: new Date(now.getTime() - backdatedMs),
    notAfter: new Date(latest ? Math.min(end, latest.getTime()) : end),
  };
}
