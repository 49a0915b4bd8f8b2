import { describe, expect, test } from 'vitest';
import { caProgressText, readCaProgress } from '../../../../src/swarm/model/ca-progress.js';

const info = (root: string) => ({ TrustRoot: root, CertIssuerSubject: 'CA', CertIssuerPublicKey: root });

function node(hostname: string, root: string, state = 'ready') {
  return {
    ID: `id-${hostname}`,
    Description: { Hostname: hostname, TLSInfo: info(root) },
    Status: { State: state },
  };
}

describe('readCaProgress', () => {
  test('a CA rotation is done when all nodes use the new CA', () => {
    const nodes = [node('node1', 'new'), node('node2', 'new')];
    expect(readCaProgress({ TLSInfo: info('new') }, nodes)).toMatchObject({ done: true, pending: [] });
    expect(readCaProgress({ TLSInfo: info('new'), RootRotationInProgress: true }, nodes).done).toBe(false);
  });

  test('the progress text names nodes that do not use the new CA', () => {
    const nodes = ['a', 'b', 'c', 'd', 'e'].map((name) => node(name, name === 'a' ? 'new' : 'old', 'down'));
    const progress = readCaProgress({ TLSInfo: info('new') }, nodes);
    expect(progress.done).toBe(false);
    expect(caProgressText(progress)).toBe(
      '1 of 5 nodes use the new CA; waiting for b (down), c (down), d (down) and 1 more',
    );
  });
});
