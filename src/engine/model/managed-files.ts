import { withoutBelt } from './daemon-file.js';
import {
  boot2dockerProfilePath,
  checkedPaths,
  daemonFileCopyPath,
  daemonFilePath,
  daemonFileWrittenPath,
  openrcPath,
} from './engine-paths.js';
import { type UndoResult, undoChanges } from './undo-changes.js';

type Files = ReadonlyMap<string, string>;

/** A file that belt edits but does not own: changes by others are kept. */
interface SharedFile {
  path: string;
  /**
   * @param found file contents by path before belt's first change
   * @throws UserError naming the file when it cannot be parsed
   */
  leave(found: Files, now: Files): UndoResult;
}

export const sharedFiles: readonly SharedFile[] = [
  { path: daemonFilePath, leave: restoredDaemonFile },
  ...[openrcPath, boot2dockerProfilePath].map((path) => ({
    path,
    leave: (found: Files, now: Files) => restoredMarkedFile(found.get(path), now.get(path)),
  })),
];

export const managedFiles: readonly string[] = [
  ...sharedFiles.map(({ path }) => path),
  daemonFileCopyPath,
  daemonFileWrittenPath,
  ...checkedPaths,
];

/** Folders that belt creates when missing. */
export const engineFolders: readonly string[] = [
  '/etc/systemd/system/docker.service.d',
  '/etc/docker',
  '/etc/sysctl.d',
];

/** What an earlier belt had written to the file counts as part of it. */
function restoredDaemonFile(found: Files, now: Files): UndoResult {
  const before = found.get(daemonFilePath);
  const bare = withoutBelt(found).text;
  const left = withoutBelt(now);
  if (before === undefined || bare === undefined) return left;
  const { text, conflicts } = undoChanges(daemonFilePath, before, bare, left.text);
  return { ...(text !== undefined && { text }), conflicts: [...left.conflicts, ...conflicts] };
}

function restoredMarkedFile(found: string | undefined, now: string | undefined): UndoResult {
  const text = withoutMarkedBlock(now ?? '');
  const untouched = text === withoutMarkedBlock(withMarkedBlock(found ?? '', []));
  const left = untouched ? found : text + markedBlock(found ?? '');
  return { ...(now !== undefined && left !== undefined && { text: left }), conflicts: [] };
}

const begin = '# belt: begin (written by belt; what stands outside of these two lines is kept)';
const end = '# belt: end';

/** Puts `lines` at the end of a shell file, replacing an earlier block. */
export function withMarkedBlock(text: string, lines: readonly string[]): string {
  const before = withoutMarkedBlock(text);
  const gap = before === '' || before.endsWith('\n') ? '' : '\n';
  return `${before}${gap}${[begin, ...lines, end].join('\n')}\n`;
}

function withoutMarkedBlock(text: string): string {
  const [from, to] = blockRange(text);
  return text.slice(0, from) + text.slice(to);
}

/** Empty when there is none. */
function markedBlock(text: string): string {
  return text.slice(...blockRange(text));
}

function blockRange(text: string): [from: number, to: number] {
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  return from === -1 || to === -1 ? [text.length, text.length] : [from, to + end.length + 1];
}
