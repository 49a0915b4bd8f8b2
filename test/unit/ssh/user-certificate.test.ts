import fc from 'fast-check';
import ssh2, { type ParsedKey } from 'ssh2';
import { expect, test } from 'vitest';
import { fromEd25519Seed, generateKeyPair, keyBytes } from '../../../src/ssh/key-pair.js';
import { certifiedKeyOf, correctSignedData, withCertificate } from '../../../src/ssh/user-certificate.js';
import { recordFault } from '../../lab/record-fault.js';

function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

const pair = generateKeyPair('x');
const key = ssh2.utils.parseKey(pair.privateKey) as ParsedKey;
const type = 'ssh-ed25519-cert-v01@openssh.com';
const certificate = Buffer.concat([
  field(type),
  field('nonce'),
  key.getPublicSSH().subarray(4 + 'ssh-ed25519'.length),
  Buffer.from('serial and so on'),
]);

/** RFC 4252, 7. */
function signedData(algorithm: string, blob: Buffer): Buffer {
  const request = [Buffer.from([50]), field('root'), field('ssh-connection'), field('publickey')];
  return Buffer.concat([field('session'), ...request, Buffer.from([1]), field(algorithm), field(blob)]);
}

test('a certificate contains its key', () => {
  expect(certifiedKeyOf(certificate)).toEqual(keyBytes(pair.publicKey));
  expect(certifiedKeyOf(key.getPublicSSH())).toBeUndefined();
});

test("a certified key signs the request with the certificate's algorithm", () => {
  const certified = withCertificate(key, certificate);
  const signature = certified.sign(signedData('ssh-ed25519', certificate));
  expect(key.verify(signedData(type, certificate), signature)).toBe(true);
  expect(certified.getPublicSSH()).toBe(certificate);
  expect(certified.type).toBe('ssh-ed25519');
});

test('requests without a certificate are left alone', () => {
  const plain = signedData('ssh-ed25519', key.getPublicSSH());
  expect(correctSignedData(plain)).toEqual(plain);
});

test('property: no bytes are mistaken for a certificate, and none crash', () => {
  let tried = 0;
  const bytes = fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(bytes, fc.nat(certificate.length - 1), (noise, cut) => {
      tried++;
      expect(certifiedKeyOf(noise)).toBeUndefined();
      certifiedKeyOf(certificate.subarray(0, cut));
      expect(correctSignedData(noise)).toEqual(noise);
    }),
  );
  recordFault({ kind: 'Untrusted input', fault: 'random bytes in place of a user certificate', tried });
});

test('property: a key that is made from its seed is the same key', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
      const { privateKey, publicKey } = fromEd25519Seed(Buffer.from(seed), 'c');
      const parsed = ssh2.utils.parseKey(privateKey) as ParsedKey;
      expect(parsed.getPublicSSH()).toEqual(keyBytes(publicKey));
      expect(parsed.verify('data', parsed.sign('data'))).toBe(true);
    }),
    { numRuns: 50 },
  );
});
