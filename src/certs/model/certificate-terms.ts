export interface CertificatePair {
  /** PEM; for a server, the leaf alone. */
  certificate: string;
  /** PEM; PKCS#1 for RSA, as docker-machine wrote, else PKCS#8. */
  key: string;
}

/** For mutual TLS, see https://docs.docker.com/engine/security/protect-access/ */
export interface ServerCertificate extends CertificatePair {
  /** PEM; clients of these CAs are accepted. */
  ca: string;
}

export const keyTypes = ['rsa2048', 'rsa4096', 'ecdsa-p256'] as const;

export type KeyType = (typeof keyTypes)[number];

export interface ServerNames {
  /** Host names and IPv4 or IPv6 addresses, not yet canonical. */
  names: readonly string[];
}

/**
 * The CA outlives its leaves: in docker-machine all expired at once, which cut off every machine.
 */
export const validDays = { authority: 3650, leaf: 1080 } as const;

export const dayMs = 24 * 60 * 60 * 1000;

/** A certificate that expires within so many days causes a warning and is renewed. */
export const renewalDays = 30;
