import type { MemoryDetails, StatsDocument } from '../../engine/model/api-documents.js';

/** Resource usage at one moment (`GET /containers/ID/stats`). */
export interface StatsSample {
  /** CPU time of the container and of the machine, nanoseconds. */
  cpu: number;
  system: number;
  cpus: number;
  /** Bytes, without reclaimable memory, as in docker. */
  memory: number;
  /** Bytes; 0: no limit. */
  memoryLimit: number;
  /** Bytes since the container started. */
  received: number;
  sent: number;
  pids: number;
}

/** Usage between two samples. */
export interface ResourceUsage {
  /** Percent of one CPU: 200 is two CPUs. */
  cpuPercent: number;
  memory: number;
  memoryLimit: number;
  received: number;
  sent: number;
  pids: number;
}

export function readSample({ cpu_stats, memory_stats, networks, pids_stats }: StatsDocument): StatsSample {
  const interfaces = Object.values(networks ?? {});
  return {
    cpu: cpu_stats?.cpu_usage?.total_usage ?? 0,
    system: cpu_stats?.system_cpu_usage ?? 0,
    cpus: cpu_stats?.online_cpus || 1,
    memory: Math.max(0, (memory_stats?.usage ?? 0) - reclaimableMemory(memory_stats?.stats ?? {})),
    memoryLimit: memory_stats?.limit ?? 0,
    received: interfaces.reduce((sum, { rx_bytes = 0 }) => sum + rx_bytes, 0),
    sent: interfaces.reduce((sum, { tx_bytes = 0 }) => sum + tx_bytes, 0),
    pids: pids_stats?.current ?? 0,
  };
}

/**
 * cgroup v1 and v2 (docker/cli, cli/command/container/stats_helpers.go:
 * `calculateMemUsageUnixNoCache`).
 */
function reclaimableMemory({ total_inactive_file, inactive_file = 0 }: MemoryDetails): number {
  return total_inactive_file || inactive_file;
}

/** Docker's formula (docker/cli, stats_helpers.go: `calculateCPUPercentUnix`). */
export function usageBetween(before: StatsSample, after: StatsSample): ResourceUsage {
  const { memory, memoryLimit, received, sent, pids } = after;
  const own = after.cpu - before.cpu;
  const system = after.system - before.system;
  const cpuPercent = own > 0 && system > 0 ? (own / system) * after.cpus * 100 : 0;
  return { cpuPercent, memory, memoryLimit, received, sent, pids };
}

/** The sample of a container that has exited has no time. */
export function isRunningSample({ read = '' }: StatsDocument): boolean {
  return !read.startsWith('0001-');
}
