import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { isAbort } from '../base/errors.js';
import { clusterAddress, type Machine } from '../machines/model/machine.js';
import { canJoinAt, findJoinProblems, type ProbeReport, parseProbeReport } from './model/port-probe.js';
import { hostOf } from './model/swarm-node.js';

export interface JoinDiagnosis {
  findings: string[];
  /** The managers through which the machine could join. */
  answering: string[];
}

const timeoutMs = 20_000;

/** @param manager the other end, to compare clocks and MTUs */
export async function diagnoseJoin(
  machine: Machine,
  addresses: readonly string[],
  manager: Machine,
  context: Context,
): Promise<JoinDiagnosis> {
  const own = clusterAddress(machine);
  const [fromMachine, fromManager] = await Promise.all([
    probeFrom(machine, addresses.map(hostOf), context),
    probeFrom(manager, own === undefined ? [] : [own], context),
  ]);
  const observer = fromManager && { name: manager.name, report: fromManager };
  return {
    findings: fromMachine ? findJoinProblems(machine.name, fromMachine, observer) : [],
    answering: addresses.filter((address) => !fromMachine || canJoinAt(fromMachine, hostOf(address))),
  };
}

/** @returns undefined when the machine cannot tell */
export async function canReachManager(
  from: Machine,
  address: string,
  context: Context,
): Promise<boolean | undefined> {
  const host = hostOf(address);
  const report = await probeFrom(from, [host], context);
  return report && canJoinAt(report, host);
}

/** Undefined on failure: a diagnosis must not hide the original error. */
async function probeFrom(
  machine: Machine,
  hosts: readonly string[],
  context: Context,
): Promise<ProbeReport | undefined> {
  const { templates, signal } = context;
  try {
    const connection = await reach(machine, context);
    const stdin = await templates.render('swarm/reach.sh', { hosts: hosts.join(' ') });
    const { stdout } = await connection.run('/bin/sh -s', { stdin, timeoutMs, signal });
    return /^end$/m.test(stdout) ? parseProbeReport(stdout) : undefined;
  } catch (error) {
    if (isAbort(error)) throw error;
    return undefined;
  }
}
