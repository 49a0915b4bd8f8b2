import type { KeyObject } from 'node:crypto';
import { createHash, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';
import { UserError } from '../../base/errors.js';

/** RFC 5280 with node-forge's ASN.1; node:crypto signs, since forge lacks elliptic curves. */

const { asn1, pki } = forge;
type Asn1 = forge.asn1.Asn1;

interface CertificateContent {
  subject: Asn1;
  issuer: Asn1;
  notBefore: Date;
  notAfter: Date;
  publicKey: KeyObject;
  extensions: readonly Asn1[];
}

/** @returns PEM. @throws UserError for a signing key that Docker's clients do not support */
export function signCertificate(content: CertificateContent, signingKey: KeyObject): string {
  const algorithm = signatureAlgorithm(signingKey);
  const tbsCertificate = sequence([
    explicit(0, [integer(Buffer.from([2]))]),
    integer(serialNumber()),
    algorithm,
    content.issuer,
    sequence([time(content.notBefore), time(content.notAfter)]),
    content.subject,
    fromBytes(content.publicKey.export({ type: 'spki', format: 'der' })),
    explicit(3, [sequence(content.extensions)]),
  ]);
  const signature = sign('sha256', toBytes(tbsCertificate), signingKey);
  const certificate = sequence([tbsCertificate, algorithm, bitString(signature, 0)]);
  return pemOf(toBytes(certificate));
}

/** O and CN, of at most 64 characters (RFC 5280, appendix A). */
export function distinguishedName(commonName: string): Asn1 {
  const value = (text: string) => ({ value: text.slice(0, 64), valueTagClass: asn1.Type.UTF8 });
  return pki.distinguishedNameToAsn1({
    attributes: [
      { type: pki.oids['organizationName'] as string, ...value('belt') },
      { type: pki.oids['commonName'] as string, ...value(commonName) },
    ] as unknown as forge.pki.CertificateField[],
  });
}

/** Byte for byte, since the issuer of a certificate must match the CA's subject exactly. */
export function subjectOf(der: Buffer): Asn1 {
  const [tbsCertificate] = childrenOf(fromBytes(der));
  const fields = tbsCertificate ? childrenOf(tbsCertificate) : [];
  // Version 1 has no version field before the serial number.
  const versioned = fields[0]?.tagClass === asn1.Class.CONTEXT_SPECIFIC;
  const subject = fields[versioned ? 5 : 4];
  if (!subject) throw new UserError('the certificate has no subject');
  return subject;
}

export function keyIdentifierIn(der: Buffer): Buffer | undefined {
  const [tbsCertificate] = childrenOf(fromBytes(der));
  const last = tbsCertificate && childrenOf(tbsCertificate).at(-1);
  if (last?.tagClass !== asn1.Class.CONTEXT_SPECIFIC) return undefined;
  for (const entry of childrenOf(last).flatMap(childrenOf)) {
    const parts = childrenOf(entry);
    const [id, value] = [parts[0], parts.at(-1)];
    if (!id || !value || asn1.derToOid(String(id.value)) !== pki.oids['subjectKeyIdentifier']) continue;
    return Buffer.from(String(asn1.fromDer(String(value.value)).value), 'binary');
  }
  return undefined;
}

/** SHA-1 of the public key's bits (RFC 5280, section 4.2.1.2, method 1): an identifier only. */
export function keyIdentifier(publicKey: KeyObject): Buffer {
  const [, bits] = childrenOf(fromBytes(publicKey.export({ type: 'spki', format: 'der' })));
  const afterUnusedBits = Buffer.from(String(bits?.value), 'binary').subarray(1);
  return createHash('sha1').update(afterUnusedBits).digest();
}

export function basicConstraints(authority: boolean): Asn1 {
  // No intermediate CAs: only this CA signs.
  const content = authority ? [primitive(asn1.Type.BOOLEAN, '\xff'), integer(Buffer.from([0]))] : [];
  return extension('2.5.29.19', true, sequence(content));
}

/** RFC 5280, section 4.2.1.3: bits counted from the left. */
const usageBits = { digitalSignature: 0, keyEncipherment: 2, keyCertSign: 5, cRLSign: 6 } as const;

export function keyUsage(usages: readonly (keyof typeof usageBits)[]): Asn1 {
  const bits = usages.map((usage): number => usageBits[usage]);
  const byte = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0);
  return extension('2.5.29.15', true, bitString(Buffer.from([byte]), 7 - Math.max(...bits)));
}

export function extendedKeyUsage(usage: 'serverAuth' | 'clientAuth'): Asn1 {
  return extension('2.5.29.37', false, sequence([objectId(pki.oids[usage] as string)]));
}

export function subjectKeyIdentifier(keyId: Buffer): Asn1 {
  return extension('2.5.29.14', false, octetString(keyId));
}

export function authorityKeyIdentifier(keyId: Buffer): Asn1 {
  return extension('2.5.29.35', false, sequence([implicit(0, keyId)]));
}

/** @param names in canonical form */
export function subjectAlternativeNames(names: readonly string[]): Asn1 {
  const entries = names.map((name) =>
    isIP(name) ? implicit(7, addressBytes(name)) : implicit(2, Buffer.from(name)),
  );
  return extension('2.5.29.17', false, sequence(entries));
}

/** In network byte order. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const zeros = new Array<string>(8 - head.length - tail.length).fill('0');
  const groups = [...head, ...zeros, ...tail];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

function extension(id: string, critical: boolean, value: Asn1): Asn1 {
  const flag = critical ? [primitive(asn1.Type.BOOLEAN, '\xff')] : [];
  return sequence([objectId(id), ...flag, octetString(toBytes(value))]);
}

function signatureAlgorithm({ asymmetricKeyType: type }: KeyObject): Asn1 {
  if (type === 'rsa') return sequence([objectId('1.2.840.113549.1.1.11'), primitive(asn1.Type.NULL, '')]);
  if (type === 'ec') return sequence([objectId('1.2.840.10045.4.3.2')]);
  throw new UserError(`a CA with a key of type ${type} cannot be used: it must be RSA or ECDSA`);
}

/** 128 bits, random, positive and without a leading zero. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

/** RFC 5280, section 4.1.2.5: two-digit years up to 2049, then four digits. */
function time(date: Date): Asn1 {
  return date.getUTCFullYear() < 2050
    ? primitive(asn1.Type.UTCTIME, asn1.dateToUtcTime(date) as string)
    : primitive(asn1.Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date) as string);
}

function sequence(parts: readonly Asn1[]): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, [...parts]);
}

function explicit(tag: number, parts: readonly Asn1[]): Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, [...parts]);
}

function implicit(tag: number, bytes: Buffer): Asn1 {
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, bytes.toString('binary'));
}

function primitive(type: forge.asn1.Type, content: string): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, type, false, content);
}

function integer(bytes: Buffer): Asn1 {
  return primitive(asn1.Type.INTEGER, bytes.toString('binary'));
}

function objectId(id: string): Asn1 {
  return primitive(asn1.Type.OID, asn1.oidToDer(id).getBytes());
}

function octetString(bytes: Buffer): Asn1 {
  return primitive(asn1.Type.OCTETSTRING, bytes.toString('binary'));
}

function bitString(bytes: Buffer, unusedBits: number): Asn1 {
  return primitive(asn1.Type.BITSTRING, String.fromCharCode(unusedBits) + bytes.toString('binary'));
}

function childrenOf(node: Asn1): Asn1[] {
  return Array.isArray(node.value) ? node.value : [];
}

function fromBytes(der: Buffer): Asn1 {
  const options = { strict: true, decodeBitStrings: false } as unknown as boolean;
  return asn1.fromDer(der.toString('binary'), options);
}

function toBytes(node: Asn1): Buffer {
  return Buffer.from(asn1.toDer(node).getBytes(), 'binary');
}

/** RFC 7468: lines of 64 characters. */
function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
