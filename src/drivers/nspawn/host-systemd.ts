import { exists } from '../../base/files.js';

/** systemd as process 1; sd_booted(3) names this test. */
export async function systemdRunsComputer(): Promise<boolean> {
  return exists('/run/systemd/system');
}

export function unitOf(id: string): string {
  return `belt-${id}.service`;
}
