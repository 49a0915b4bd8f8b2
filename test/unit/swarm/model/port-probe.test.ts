import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { templatesIn } from '../../../../src/base/templates.js';
import { canJoinAt, findJoinProblems, parseProbeReport } from '../../../../src/swarm/model/port-probe.js';

const probeOutput = `clock 1000
tcp 10.0.0.1 7946 open
tcp 10.0.0.2 2377 silent
tcp 10.0.0.1 2377 refused
udp 10.0.0.1 4789 refused
udp 10.0.0.1 7946 refused
udp 10.0.0.2 4789 unreachable
tcp 10.0.0.3 2377 open
mtu 10.0.0.1 eth0 9000 lost
mtu 10.0.0.2 eth0 9000 unknown
mtu 10.0.0.4 eth0 9000 unknown
mtu 10.0.0.3 eth0 9000 whole
end
`;

describe('findJoinProblems', () => {
  const reach = parseProbeReport(probeOutput);

  test('join problems are listed as sentences, the most important first', () => {
    const manager = {
      name: 'node1',
      report: parseProbeReport('clock 1100\nmtu 10.0.0.9 ens3 1500 unknown\nend\n'),
    };
    expect(findJoinProblems('node9', reach, manager)).toEqual([
      'node9 cannot reach 10.0.0.1:2377 (tcp): refused',
      'node9 cannot reach 10.0.0.2:2377 (tcp): timed out',
      'node9 cannot reach 10.0.0.2:4789 (udp): no route to host',
      'node9 cannot reach 10.0.0.1:7946 (udp): refused',
      'the clocks of node9 and node1 are 100 s apart',
      'packets of 9000 bytes (the MTU of eth0 on node9) do not reach 10.0.0.1',
      'eth0 on node9 has an MTU of 9000, ens3 on node1 of 1500',
    ]);
  });

  test('there are no join problems when all ports are open or unknown', () => {
    const well = parseProbeReport(
      'clock 1000\ntcp 10.0.0.1 2377 open\nudp 10.0.0.1 7946 unknown\nmtu 10.0.0.1 eth0 1500 whole\n',
    );
    expect(
      findJoinProblems('node9', well, { name: 'node1', report: parseProbeReport('clock 1029\n') }),
    ).toEqual([]);
    expect(findJoinProblems('node9', well)).toEqual([]);
  });

  test('canJoinAt accepts open and unknown ports', () => {
    expect(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((host) => canJoinAt(reach, host))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});

test('the probe script distinguishes open from closed ports', async () => {
  const server = createServer();
  // The ports are fixed, so a random loopback address avoids conflicts.
  const host = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.7`;
  await new Promise<void>((resolve) => server.listen(7946, host, resolve));
  try {
    const script = await templatesIn('templates').render('swarm/reach.sh', { hosts: host });
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script]);
    expect(stdout).toMatch(/^end$/m);
    const { clock, ports, paths } = parseProbeReport(stdout);
    expect(Math.abs((clock ?? 0) - Date.now() / 1000)).toBeLessThan(60);
    expect(ports).toContainEqual({ protocol: 'tcp', host, port: 7946, result: 'open' });
    expect(ports).toContainEqual({ protocol: 'tcp', host, port: 2377, result: 'refused' });
    expect(ports).toContainEqual({ protocol: 'udp', host, port: 7946, result: 'refused' });
    expect(paths.every(({ mtu }) => mtu > 0)).toBe(true);
  } finally {
    server.close();
  }
});
