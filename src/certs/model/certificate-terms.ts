/**
 * The certificates of a cluster: one authority, one client pair, a server pair for each machine. PEM texts throughout, in the form
 * that Docker's own client and engine take (https://docs.docker.com/engine/security/protect-access/).
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
 * How long certificates are valid. Clients and servers: what docker-machine gave them. The authority outlives three of their
 * generations: docker-machine let all end on one day, and with the authority every machine was lost at once.
 */
export const validDays = { authority: 3650, leaf: 1080 } as const;

/** From so many days before its end on, a certificate is warned of and renewed. */
export const renewalDays = 30;
