import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { readRaftKey } from './node-key.js';
import { numberIn, readMessage, writeMessage } from './protobuf.js';
import { type LogReader, recordTypes, writeRecords } from './raft-log.js';

/** `raftpb.EntryType` and `raftpb.ConfChangeType` */
const configurationEntry = 1n;
const addNode = 0n;

/**
 * Records that give the manager a new address: a committed entry that adds it again (swarmkit,
 * manager/state/raft/raft.go: `registerNode`). `--force-new-cluster` keeps the old one, to which
 * workers and new managers would connect.
 * @param key `swarm-node.key`, unlocked
 * @param address `host:port`
 * @returns undefined when the log cannot be read or extended with this key
 */
export function createAddressChange(log: LogReader, key: string, address: string): Buffer | undefined {
  const member = readMessage(log.member);
  const state = readMessage(log.state);
  const secret = readRaftKey(key);
  const raftId = member?.get(1);
  if (!member || !state || !secret || typeof raftId !== 'bigint') return undefined;
  const index = BigInt(log.commit + 1);
  const change = writeMessage(
    new Map<number, bigint | Buffer>([
      [1, BigInt(`0x${randomBytes(8).toString('hex')}`)],
      [2, addNode],
      [3, raftId],
      [4, writeMessage(new Map([...member, [3, Buffer.from(address)]]))],
    ]),
  );
  const entry = writeMessage(
    new Map<number, bigint | Buffer>([
      [1, configurationEntry],
      [2, BigInt(numberIn(state, 1))],
      [3, index],
      [4, encrypted(change, secret)],
    ]),
  );
  const committed = writeMessage(new Map([...state, [3, index]]));
  return writeRecords(
    [
      { type: recordTypes.entry, data: entry },
      { type: recordTypes.state, data: committed },
    ],
    log.checksum,
  );
}

/** `api.MaybeEncryptedRecord`, as in node-key.ts. */
function encrypted(data: Buffer, secret: Buffer): Buffer {
  const nonce = randomBytes(nacl.secretbox.nonceLength);
  return writeMessage(
    new Map<number, bigint | Buffer>([
      [1, 1n],
      [2, Buffer.from(nacl.secretbox(data, nonce, secret))],
      [3, nonce],
    ]),
  );
}
