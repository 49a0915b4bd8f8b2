import type { MemoryDetails, StatsDocument } from '../../engine/model/api-documents.js';

/** From `GET /containers/ID/stats`. */
export interface StatsSample {
  /** CPU time of the container and of the machine, in nanoseconds. */
  cpu: number;
  system: number;
  cpus: number;
  /** In bytes, without reclaimable memory, as in docker. */
  memory: number;
  /** In bytes; 0 for no limit. */
  memoryLimit: number;
  /** In bytes, since the container started. */
  received: number;
  sent: number;
  pids: number;
}

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

/** For cgroup v1 and v2 (docker/cli, stats_helpers.go: `calculateMemUsageUnixNoCache`). */
function reclaimableMemory({ total_inactive_file, inactive_file = 0 }: MemoryDetails): number {
  return total_inactive_file || inactive_file;
}

/** As in docker (docker/cli, stats_helpers.go: `calculateCPUPercentUnix`). */
export function usageBetween(before: StatsSample, after: StatsSample): ResourceUsage {
  const { memory, memoryLimit, received, sent, pids } = after;
  const own = after.cpu - before.cpu;
  const system = after.system - before.system;
  const cpuPercent = own > 0 && system > 0 ? (own / system) * after.cpus * 100 : 0;
  return { cpuPercent, memory, memoryLimit, received, sent, pids };
}

/** The sample of an exited container has no time. */
export function isRunningSample({ read = '' }: StatsDocument): boolean {
  return !read.startsWith('0001-');
}
