import { shellWord } from './quote-args.js';

interface Selection {
  cluster?: string | undefined;
  'storage-path'?: string | undefined;
}

/** Commands that belong to a cluster, unless their line already selects one. */
const clusterCommand =
  /\bbelt (?=(?:active|certs|cluster (?:config|plan|provision|update)|config|compose|context|create|demote|docker|drain|engine|env|exec|gc|hostname|image|init|inspect|inventory|ip|join|kill|logs|ls|mount|promote|provision|push|regenerate-certs|regions|resize|restart|rm|scp|sizes|snapshot|ssh|stack|start|stats|status|stop|swarm|upgrade|url|--host \S+ (?:docker|compose|stack))\b)(?!.* (?:--cluster|--storage-path|-s)[ =])/g;

let selected = '';

/** The flags that the user gave; from now on, suggested commands repeat them. */
export function selectCluster({ cluster, 'storage-path': folder }: Selection): void {
  selected = '';
  if (folder !== undefined) selected = `-s ${shellWord(folder)} `;
  if (cluster !== undefined) selected = `--cluster ${shellWord(cluster)} `;
}

/** Adds the selected cluster to belt's commands in a text: another one may have machines of that name. */
export function withSelectedCluster(text: string): string {
  return selected === '' ? text : text.replaceAll(clusterCommand, (belt) => `${belt}${selected}`);
}
