import type { Client, ParsedKey } from 'ssh2';

/**
 * ssh2 knows no user certificates (OpenSSH's PROTOCOL.certkeys). A certified key has the plain type
 * and the certificate as its public key, and `allowCertificates` corrects the algorithm's name in
 * what is sent: the certificate's in the request, the plain one in the signature.
 */
export type CertifiedKey = ParsedKey;

const certificateSuffix = '-cert-v01@openssh.com';

/** The number of fields of the public key, after the type and, in certificates, a nonce. */
const keyFields: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ssh-rsa': 2,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
};

/** @returns the certified key in wire format; undefined if the blob is not a user certificate */
export function certifiedKeyOf(certificate: Buffer): Buffer | undefined {
  const type = readField(certificate, 0)?.value.toString('latin1');
  if (!type?.endsWith(certificateSuffix)) return undefined;
  const plainType = type.slice(0, -certificateSuffix.length);
  const count = keyFields[plainType];
  const nonce = readField(certificate, 4 + type.length);
  if (count === undefined || !nonce) return undefined;
  let end = nonce.end;
  for (let field = 0; field < count; field++) {
    const next = readField(certificate, end);
    if (!next) return undefined;
    end = next.end;
  }
  return Buffer.concat([writeField(plainType), certificate.subarray(nonce.end, end)]);
}

/** @param certificate of this key */
export function withCertificate(key: ParsedKey, certificate: Buffer): CertifiedKey {
  return Object.create(key, {
    getPublicSSH: { value: () => certificate },
    sign: { value: (data: Buffer, algorithm?: string) => key.sign(correctSignedData(data), algorithm) },
  }) as CertifiedKey;
}

/** The data to sign: the session's ID, then the request. */
export function correctSignedData(data: Buffer): Buffer {
  const session = readField(data, 0);
  if (!session) return data;
  return Buffer.concat([data.subarray(0, session.end), correctRequest(data.subarray(session.end))]);
}

/**
 * Hooks into ssh2's internals: its requests cannot be changed otherwise.
 * @returns ends it; required after the login
 */
export function allowCertificates(client: Client): () => void {
  const { write } = (client as unknown as { _protocol: { _packetRW: { write: PacketWriter } } })._protocol
    ._packetRW;
  const { finalize } = write;
  write.finalize = (packet, force) => {
    // Length, length of the padding, payload, padding (RFC 4253, 6); some ciphers add a tag.
    const end = 4 + packet.readUInt32BE(0) - (packet[4] ?? 0);
    const payload = packet.subarray(write.allocStart, end);
    const corrected = payload[0] === userauthRequest ? correctRequest(payload) : payload;
    if (corrected === payload) return finalize.call(write, packet, force);
    const changed = write.alloc(corrected.length);
    changed.set(corrected, write.allocStart);
    return finalize.call(write, changed, force);
  };
  return () => {
    write.finalize = finalize;
  };
}

interface PacketWriter {
  allocStart: number;
  alloc(size: number): Buffer;
  finalize(packet: Buffer, force?: boolean): Buffer;
}

const userauthRequest = 50;

/** @returns the same buffer unless it is a public key request with a certificate (RFC 4252, 7) */
function correctRequest(payload: Buffer): Buffer {
  const user = readField(payload, 1);
  const service = user && readField(payload, user.end);
  const method = service && readField(payload, service.end);
  if (method?.value.toString('latin1') !== 'publickey') return payload;
  const algorithm = readField(payload, method.end + 1);
  const key = algorithm && readField(payload, algorithm.end);
  const type = key && readField(key.value, 0)?.value.toString('latin1');
  if (!algorithm || !type?.endsWith(certificateSuffix)) return payload;
  const name = algorithm.value.toString('latin1');
  if (name.endsWith(certificateSuffix)) return payload;
  return Buffer.concat([
    payload.subarray(0, method.end + 1),
    writeField(`${name}${certificateSuffix}`),
    payload.subarray(algorithm.end),
  ]);
}

function readField(bytes: Buffer, start: number): { value: Buffer; end: number } | undefined {
  if (start + 4 > bytes.length) return undefined;
  const end = start + 4 + bytes.readUInt32BE(start);
  return end > bytes.length ? undefined : { value: bytes.subarray(start + 4, end), end };
}

function writeField(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text, 'latin1')]);
}
