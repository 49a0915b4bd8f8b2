import type { FirewallOrder, Rule } from './api-types.js';

const everybody = ['0.0.0.0/0', '::/0'];

/** Swarm's own: 2377 its managers, 7946 its gossip, 4789 the overlay networks. Source: Docker's documentation of swarm mode. */
const swarmPorts: readonly Rule[] = [
  { protocol: 'tcp', ports: '2377' },
  { protocol: 'tcp', ports: '7946' },
  { protocol: 'udp', ports: '7946' },
  { protocol: 'udp', ports: '4789' },
];

/** All but those, so that published ports are reached as without a firewall. */
const otherPorts: readonly Rule[] = [
  { protocol: 'icmp', ports: '0' },
  { protocol: 'tcp', ports: '1-2376' },
  { protocol: 'tcp', ports: '2378-7945' },
  { protocol: 'tcp', ports: '7947-65535' },
  { protocol: 'udp', ports: '1-4788' },
  { protocol: 'udp', ports: '4790-7945' },
  { protocol: 'udp', ports: '7947-65535' },
];

/** A firewall that lets only the droplets of the tag reach each other's swarm ports, and is no hindrance otherwise. */
export function firewallFor(name: string, tag: string): FirewallOrder {
  // DigitalOcean's word for all ports is 0.
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
      ...otherPorts.map((rule) => ({ ...rule, sources: { addresses: everybody } })),
    ],
    outbound_rules: outbound.map((rule) => ({ ...rule, destinations: { addresses: everybody } })),
  };
}
