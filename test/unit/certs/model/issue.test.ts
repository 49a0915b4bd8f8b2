import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import forge from 'node-forge';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../../src/base/errors.js';
import { type CertificatePair, keyTypes } from '../../../../src/certs/model/certificate-terms.js';
import { createAuthority, issueClient, issueServer } from '../../../../src/certs/model/issue.js';
import { keyTypeOf } from '../../../../src/certs/model/private-keys.js';
import {
  daysLeft,
  isIssuedBy,
  isValid,
  joinPem,
  matches,
  missingNames,
  readCertificate,
  splitPem,
} from '../../../../src/certs/model/read-certificate.js';
import { canonicalName, canonicalNames } from '../../../../src/certs/model/server-names.js';

/** Checks what OpenSSL accepts and prints, not what belt parses. */

const day = 24 * 60 * 60 * 1000;
const now = new Date();
let folder = '';
let authority: CertificatePair;
let other: CertificatePair;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'belt-pki-'));
  const aMonthAgo = new Date(now.getTime() - 30 * day);
  authority = await createAuthority({ commonName: 'one', keyType: 'ecdsa-p256', now: aMonthAgo });
  other = await createAuthority({ commonName: 'one', keyType: 'ecdsa-p256' });
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(keyTypes)('certificates with keys of type %s', { timeout: 60_000 }, (keyType) => {
  test('openssl accepts each certificate for its own purpose only', async () => {
    const ca = await createAuthority({ commonName: 'cluster', keyType });
    const client = await issueClient(ca, { commonName: 'client' });
    const server = await issueServer(ca, { commonName: 'node1', names: ['node1', '10.0.0.1', 'fd00::1'] });

    expect(await verify(ca, server.certificate, 'sslserver')).toBe('OK');
    expect(await verify(ca, client.certificate, 'sslclient')).toBe('OK');
    expect(await verify(ca, server.certificate, 'sslclient')).toMatch(/unsuitable certificate purpose/);
    expect(await verify(ca, client.certificate, 'sslserver')).toMatch(/unsuitable certificate purpose/);
    expect(keyTypeOf(ca.certificate)).toBe(keyType);
    expect(keyTypeOf(client.certificate)).toBe(keyType);
    for (const pair of [ca, client, server]) {
      expect(new X509Certificate(pair.certificate).checkPrivateKey(createPrivateKey(pair.key))).toBe(true);
    }
  });
});

test("an RSA key has docker-machine's format", async () => {
  const { key } = await createAuthority({ commonName: 'one', keyType: 'rsa2048' });
  expect(key).toMatch(/^-----BEGIN RSA PRIVATE KEY-----/);
});

test('openssl prints the expected usages, identifiers and validity', async () => {
  const at = new Date('2026-03-01T12:00:00Z');
  const ca = await createAuthority({ commonName: 'cluster', keyType: 'rsa2048', now: at });
  const server = await issueServer(ca, {
    commonName: 'node1',
    names: ['Node1', '10.0.0.1', 'fd00::1'],
    now: at,
  });
  const client = await issueClient(ca, { commonName: 'client', now: at });

  const caText = describeWith(ca.certificate);
  expect(extensionsOf(caText)).toEqual({
    'X509v3 Basic Constraints: critical': 'CA:TRUE, pathlen:0',
    'X509v3 Key Usage: critical': 'Certificate Sign, CRL Sign',
    'X509v3 Subject Key Identifier:': expect.stringMatching(/^[0-9A-F:]{59}$/),
    'X509v3 Authority Key Identifier:': expect.stringMatching(/^[0-9A-F:]{59}$/),
  });
  const identifier = extensionsOf(caText)['X509v3 Subject Key Identifier:'];
  expect(extensionsOf(describeWith(server.certificate))).toEqual({
    'X509v3 Basic Constraints: critical': 'CA:FALSE',
    'X509v3 Key Usage: critical': 'Digital Signature, Key Encipherment',
    'X509v3 Extended Key Usage:': 'TLS Web Server Authentication',
    'X509v3 Subject Alternative Name:': 'DNS:node1, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1',
    'X509v3 Subject Key Identifier:': expect.stringMatching(/^[0-9A-F:]{59}$/),
    'X509v3 Authority Key Identifier:': identifier,
  });
  expect(extensionsOf(describeWith(client.certificate))).toEqual({
    'X509v3 Basic Constraints: critical': 'CA:FALSE',
    'X509v3 Key Usage: critical': 'Digital Signature',
    'X509v3 Extended Key Usage:': 'TLS Web Client Authentication',
    'X509v3 Subject Key Identifier:': expect.stringMatching(/^[0-9A-F:]{59}$/),
    'X509v3 Authority Key Identifier:': identifier,
  });
  expect(readCertificate(server.certificate)).toEqual({
    subject: 'O=belt, CN=node1',
    notBefore: new Date('2026-02-28T12:00:00Z'),
    notAfter: new Date(at.getTime() + 1080 * day),
    names: ['node1', '10.0.0.1', 'fd00::1'],
    isAuthority: false,
    fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
  });
  expect(readCertificate(ca.certificate)).toMatchObject({
    subject: 'O=belt, CN=cluster',
    notAfter: new Date(at.getTime() + 3650 * day),
    isAuthority: true,
  });
});

test('serial numbers are positive, unique and have 128 bits', async () => {
  const serials = await Promise.all(
    Array.from({ length: 40 }, async (_, number) => {
      const { certificate } = await issueClient(authority, { commonName: `${number}` });
      return new X509Certificate(certificate).serialNumber;
    }),
  );
  expect(new Set(serials).size).toBe(40);
  for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
});

test('an expiry after 2049 is written with a four-digit year', async () => {
  const late = await createAuthority({ commonName: 'late', keyType: 'ecdsa-p256', days: 40 * 365 });
  expect(describeWith(late.certificate)).toMatch(/Not After : .* 2066 GMT/);
});

test('no certificate outlives its CA', async () => {
  const short = await createAuthority({ commonName: 'short', keyType: 'ecdsa-p256', days: 5, now });
  const client = await issueClient(short, { commonName: 'client', now });
  expect(daysLeft(readCertificate(client.certificate), now)).toBe(4);
});

test('an expired certificate, and one of another CA with the same name, are invalid', async () => {
  const past = new Date(now.getTime() - 10 * day);
  const good = await issueClient(authority, { commonName: 'client' });
  const expired = await issueClient(authority, { commonName: 'client', days: 3, now: past });
  const foreign = await issueClient(other, { commonName: 'client' });

  expect(await verify(authority, expired.certificate, 'sslclient')).toMatch(/certificate has expired/);
  expect(await verify(authority, foreign.certificate, 'sslclient')).toMatch(/error/);
  const verdicts = [good, expired, foreign].map(({ certificate }) => [
    isValid(certificate, authority.certificate, now),
    isIssuedBy(certificate, authority.certificate),
    isValid(certificate, joinPem(authority.certificate, other.certificate), now),
  ]);
  expect(verdicts).toEqual([
    [true, true, true],
    [false, true, false],
    [false, false, true],
  ]);
  expect(isValid(expired.certificate, authority.certificate, past)).toBe(true);
  expect(daysLeft(readCertificate(expired.certificate), now)).toBeLessThan(0);
});

test('no certificate is valid under an expired CA', async () => {
  const past = new Date(now.getTime() - 10 * day);
  const old = await createAuthority({ commonName: 'old', keyType: 'ecdsa-p256', days: 5, now: past });
  const client = await issueClient(old, { commonName: 'client', now: past });
  expect(isValid(client.certificate, old.certificate, past)).toBe(true);
  expect(isValid(client.certificate, old.certificate, now)).toBe(false);
});

test('a CA of another program, such as docker-machine, can issue certificates', async () => {
  const ca = foreignAuthority();
  const client = await issueClient(ca, { commonName: 'client' });
  expect(await verify(ca, client.certificate, 'sslclient', [])).toBe('OK');
  expect(describeWith(client.certificate)).toMatch(/Issuer: O = somebody\n/);
  expect(isValid(client.certificate, ca.certificate, now)).toBe(true);
});

describe('subject names', { timeout: 60_000 }, () => {
  const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/);
  const hostName = fc
    .array(label, { minLength: 1, maxLength: 3 })
    .map((labels) => labels.join('.'))
    .filter((name) => !/(^|\.)\d+$/.test(name));
  const name = fc.oneof(
    hostName,
    fc.ipV4(),
    fc.ipV6(),
    hostName.map((host) => host.toUpperCase()),
  );

  test('any set of names is read back from the certificate, and openssl finds each', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 8 }), async (names) => {
        const { certificate } = await issueServer(authority, { commonName: 'node1', names });
        const read = readCertificate(certificate);
        expect(read.names).toEqual(canonicalNames(names));
        expect(matches(read, names)).toBe(true);
        const x509 = new X509Certificate(certificate);
        for (const entry of read.names) {
          expect(isIP(entry) ? x509.checkIP(entry) : x509.checkHost(entry)).toBe(entry);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('names are written in one normal form', () => {
    expect(canonicalNames(['Node1', 'node1.', 'FD00:0:0::1', '[fd00::1]', '::ffff:10.0.0.1'])).toEqual([
      'node1',
      'fd00::1',
      '::ffff:a00:1',
    ]);
  });

  test.each([
    '',
    'a b',
    '10.0.0.300',
    '10.0.0',
    'fe80::1%eth0',
    '-a',
    'a..b',
    'ä.example',
    'a,DNS:b',
    '[10.0.0.1]',
    'x'.repeat(64),
  ])('the name "%s" is refused', (bad) => {
    expect(() => canonicalName(bad)).toThrow(UserError);
  });

  test('missing names of a certificate are listed', async () => {
    const { certificate } = await issueServer(authority, {
      commonName: 'node1',
      names: ['node1', '10.0.0.1'],
    });
    const read = readCertificate(certificate);
    expect(missingNames(read, ['NODE1', '10.0.0.2', '10.0.0.1', 'fd00::0:1'])).toEqual([
      '10.0.0.2',
      'fd00::1',
    ]);
  });
});

test('splitPem returns each CA of a file once', () => {
  const both = joinPem(authority.certificate, other.certificate, authority.certificate);
  expect(splitPem(both)).toEqual([authority.certificate, other.certificate]);
  expect(splitPem('nothing')).toEqual([]);
});

test('text that is not a certificate is refused', () => {
  expect(() => readCertificate('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')).toThrow(
    new UserError('not a PEM certificate'),
  );
});

/** `strictness`: docker-machine's authorities break RFC 5280 in small ways. */
async function verify(
  ca: CertificatePair,
  certificate: string,
  purpose: string,
  strictness = ['-x509_strict'],
): Promise<string> {
  const [caPath, path] = [join(folder, 'ca.pem'), join(folder, 'certificate.pem')];
  await writeFile(caPath, ca.certificate);
  await writeFile(path, certificate);
  const args = ['verify', ...strictness, '-CAfile', caPath, '-purpose', purpose, path];
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  return status === 0 ? 'OK' : stderr;
}

function describeWith(certificate: string): string {
  return execFileSync('openssl', ['x509', '-noout', '-text'], { input: certificate, encoding: 'utf8' });
}

/** Extension names and values in openssl's text output. */
function extensionsOf(text: string): Record<string, string> {
  const lines = text.split('\n').map((line) => line.trim());
  const entries = lines.flatMap((line, index) =>
    line.startsWith('X509v3 ') && line !== 'X509v3 extensions:' ? [[line, lines[index + 1] ?? '']] : [],
  );
  return Object.fromEntries(entries);
}

/** A CA like docker-machine's: an organization for a name, no key identifier. */
function foreignAuthority(): CertificatePair {
  const { privateKey, publicKey } = forge.pki.rsa.generateKeyPair(2048);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = publicKey;
  certificate.serialNumber = '0123456789abcdef';
  certificate.validity.notBefore = new Date(now.getTime() - day);
  certificate.validity.notAfter = new Date(now.getTime() + 1080 * day);
  certificate.setSubject([{ name: 'organizationName', value: 'somebody' }]);
  certificate.setIssuer(certificate.subject.attributes);
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true, keyCertSign: true },
  ]);
  certificate.sign(privateKey, forge.md.sha256.create());
  return {
    certificate: forge.pki.certificateToPem(certificate).replaceAll('\r', ''),
    key: forge.pki.privateKeyToPem(privateKey),
  };
}
