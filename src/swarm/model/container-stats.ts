import { field, text } from './json-fields.js';

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

export function readSample(stats: unknown): StatsSample {
  const cpu = field(stats, 'cpu_stats');
  const memory = field(stats, 'memory_stats');
  const networks = Object.values(Object(field(stats, 'networks') ?? {}));
  const total = (key: string): number => networks.reduce<number>((sum, one) => sum + number(one, key), 0);
  return {
    cpu: number(field(cpu, 'cpu_usage'), 'total_usage'),
    system: number(cpu, 'system_cpu_usage'),
    cpus: number(cpu, 'online_cpus') || 1,
    memory: Math.max(0, number(memory, 'usage') - reclaimableMemory(field(memory, 'stats'))),
    memoryLimit: number(memory, 'limit'),
    received: total('rx_bytes'),
    sent: total('tx_bytes'),
    pids: number(field(stats, 'pids_stats'), 'current'),
  };
}

/**
 * cgroup v1 and v2 (docker/cli, cli/command/container/stats_helpers.go:
 * `calculateMemUsageUnixNoCache`).
 */
function reclaimableMemory(stats: unknown): number {
  return number(stats, 'total_inactive_file') || number(stats, 'inactive_file');
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
export function isRunningSample(stats: unknown): boolean {
  return !text(stats, 'read').startsWith('0001-');
}

function number(value: unknown, key: string): number {
  const found = field(value, key);
  return typeof found === 'number' ? found : 0;
}
