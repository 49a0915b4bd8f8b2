/**
 * A cluster's certificates: one authority, one client pair, and a server pair per machine, as PEM
 * texts for Docker's client and engine
 * (https://docs.docker.com/engine/security/protect-access/).
 */

export interface CertificatePair {
  /** PEM; for a server, the leaf alone. */
  certificate: string;
  /** PEM; PKCS#1 for RSA, as docker-machine wrote, else PKCS#8. */
  key: string;
}

/** What an engine needs to listen with mutual TLS. */
export interface ServerCertificate extends CertificatePair {
  /** PEM; clients of these authorities are accepted. */
  ca: string;
}

export const keyTypes = ['rsa2048', 'rsa4096', 'ecdsa-p256'] as const;

export type KeyType = (typeof keyTypes)[number];

export interface ServerNames {
  /** Host names, addresses (IPv4 and IPv6), as they come. */
  names: readonly string[];
}

/**
 * Clients and servers: as docker-machine. The authority outlives three generations of them:
 * docker-machine let all expire on one day, and every machine was lost at once.
 */
export const validDays = { authority: 3650, leaf: 1080 } as const;

export const dayMs = 24 * 60 * 60 * 1000;

/** A certificate that expires within so many days causes a warning and is renewed. */
export const renewalDays = 30;
