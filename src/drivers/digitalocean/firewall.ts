import type { FirewallRequest, Rule } from './api-types.js';

const everyone = ['0.0.0.0/0', '::/0'];

/** 2377: managers, 7946: gossip, 4789: overlay networks. Source: Docker's documentation of swarm mode. */
const swarmPorts: readonly Rule[] = [
  { protocol: 'tcp', ports: '2377' },
  { protocol: 'tcp', ports: '7946' },
  { protocol: 'udp', ports: '7946' },
  { protocol: 'udp', ports: '4789' },
];

/** All others, so that published ports stay reachable. */
const otherPorts: readonly Rule[] = [
  { protocol: 'icmp', ports: '0' },
  { protocol: 'tcp', ports: '1-2376' },
  { protocol: 'tcp', ports: '2378-7945' },
  { protocol: 'tcp', ports: '7947-65535' },
  { protocol: 'udp', ports: '1-4788' },
  { protocol: 'udp', ports: '4790-7945' },
  { protocol: 'udp', ports: '7947-65535' },
];

/** Restricts the swarm's ports to droplets with the tag, and leaves all other ports open. */
export function firewallFor(name: string, tag: string): FirewallRequest {
  // 0 means all ports.
  const outbound: Rule[] = [
    { protocol: 'icmp', ports: '0' },
    { protocol: 'tcp', ports: '0' },
    { protocol: 'udp', ports: '0' },
  ];
  return {
    name,
    tags: [tag],
    inbound_rules: [
      ...swarmPorts.map((rule) => ({ ...rule, sources: { tags: [tag] } })),
      ...otherPorts.map((rule) => ({ ...rule, sources: { addresses: everyone } })),
    ],
    outbound_rules: outbound.map((rule) => ({ ...rule, destinations: { addresses: everyone } })),
  };
}
