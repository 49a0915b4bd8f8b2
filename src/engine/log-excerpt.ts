const mostLines = 8;

/**
 * The log lines most likely to explain a failure: the engine's own errors, else the last lines. systemd's remarks on how the process
 * ended tell nothing.
 */
export function causeIn(log: string): string {
  const lines = log
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !isRemark(line));
  const telling = lines.filter((line) => !/level=(info|debug)/.test(line));
  const complaints = lines.filter((line) =>
    /level=(error|fatal)|unable to configure|failed to start|^E: |error:/i.test(line),
  );
  const chosen = [complaints, telling, lines].find((some) => some.length > 0) ?? [];
  return [...new Set(chosen)].slice(-mostLines).join('\n');
}

function isRemark(line: string): boolean {
  return /^(docker\.(service|socket)|systemd)\b|^(Starting|Started|Stopping|Stopped|Listening|Closed) |^Failed to start docker|^Job for docker|^See "systemctl/.test(
    line,
  );
}
