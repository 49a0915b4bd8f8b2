import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withAdvertiseAddress } from '../../../../src/swarm/model/docker-arguments.js';

const address = '10.0.0.1';

/** Significant words and arbitrary ones. */
const word = fc.oneof(
  fc.constantFrom(
    'swarm',
    'init',
    'join',
    'leave',
    '--advertise-addr',
    '--advertise-addr=eth0',
    '--help',
    '-h',
  ),
  fc.string(),
);

describe('withAdvertiseAddress', () => {
  test.each([
    [
      ['swarm', 'init'],
      ['swarm', 'init', '--advertise-addr', address],
    ],
    [
      ['swarm', 'init', '--force-new-cluster'],
      ['swarm', 'init', '--advertise-addr', address, '--force-new-cluster'],
    ],
    [
      ['swarm', 'join', '--token', 'T', '10.0.0.9:2377'],
      ['swarm', 'join', '--advertise-addr', address, '--token', 'T', '10.0.0.9:2377'],
    ],
  ])('withAdvertiseAddress adds the address to %j', (args, complete) => {
    expect(withAdvertiseAddress(args, address)).toEqual(complete);
  });

  test.each([
    [['swarm', 'init', '--advertise-addr', 'eth0']],
    [['swarm', 'init', '--advertise-addr=eth0']],
    [['swarm', 'join', '--token', 'T', '--advertise-addr', 'eth0', '10.0.0.9:2377']],
    [['swarm', 'init', '--help']],
    [['swarm', 'join', '-h']],
    [['swarm', 'leave']],
    [['swarm']],
    [['service', 'create', 'swarm', 'init']],
    [['run', 'docker', 'swarm', 'init']],
    [[]],
  ])('withAdvertiseAddress returns %j unchanged', (args) => {
    expect(withAdvertiseAddress(args, address)).toEqual(args);
  });

  test('property: other command lines are returned unchanged', () => {
    fc.assert(
      fc.property(fc.array(word), (args) => {
        fc.pre(!(args[0] === 'swarm' && (args[1] === 'init' || args[1] === 'join')));
        expect(withAdvertiseAddress(args, address)).toEqual(args);
      }),
    );
  });

  test('property: swarm init and join keep every word and get exactly one address', () => {
    fc.assert(
      fc.property(fc.constantFrom('init', 'join'), fc.array(word), (verb, options) => {
        const args = ['swarm', verb, ...options];
        const complete = withAdvertiseAddress(args, address);
        const has = options.some((option) =>
          ['--advertise-addr', '--advertise-addr=eth0', '--help', '-h'].includes(option),
        );
        expect(complete).toEqual(has ? args : ['swarm', verb, '--advertise-addr', address, ...options]);
        expect(withAdvertiseAddress(complete, address)).toEqual(complete);
      }),
    );
  });

  test('the given list is not modified', () => {
    const args = Object.freeze(['swarm', 'init']);
    expect(withAdvertiseAddress(args, address)).not.toBe(args);
  });
});
