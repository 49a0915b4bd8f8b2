import { field, text } from './json-fields.js';

/** What a container uses at one moment, as `GET /containers/ID/stats` tells it. */
export interface StatsSample {
  /** Nanoseconds of processor time, its own and the machine's. */
  cpu: number;
  system: number;
  cpus: number;
  /** Bytes; without what the kernel would give back at once, as docker counts it. */
  memory: number;
  /** Bytes; 0 where there is none. */
  memoryLimit: number;
  /** Bytes since it began. */
  received: number;
  sent: number;
  pids: number;
}

/** What it used between two moments. */
export interface ResourceUsage {
  /** Percent of one processor: 200 is two of them. */
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

/** cgroup v1 and v2 (docker/cli, cli/command/container/stats_helpers.go: `calculateMemUsageUnixNoCache`). */
function reclaimableMemory(stats: unknown): number {
  return number(stats, 'total_inactive_file') || number(stats, 'inactive_file');
}

/** docker's own formula (docker/cli, stats_helpers.go: `calculateCPUPercentUnix`). */
export function usageBetween(before: StatsSample, after: StatsSample): ResourceUsage {
  const { memory, memoryLimit, received, sent, pids } = after;
  const own = after.cpu - before.cpu;
  const system = after.system - before.system;
  const cpuPercent = own > 0 && system > 0 ? (own / system) * after.cpus * 100 : 0;
  return { cpuPercent, memory, memoryLimit, received, sent, pids };
}

/** Whether it is that of a container at all: one that has ended has no time of day. */
export function isRunningSample(stats: unknown): boolean {
  return !text(stats, 'read').startsWith('0001-');
}

function number(value: unknown, key: string): number {
  const found = field(value, key);
  return typeof found === 'number' ? found : 0;
}
