/** Whether this computer can have real machines: systemd-nspawn guests need Linux and root. */
export function canMakeMachines(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}
