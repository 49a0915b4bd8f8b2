import type { Belt } from './belt.js';

/** Imports the image `web:1` on machines from their own busybox, so that no registry is needed. */
export async function importWebImage(belt: Belt, nodes: string): Promise<void> {
  const script = `set -e
    root=$(mktemp -d)
    mkdir -p "$root/bin" "$root/www" "$root/tmp"
    cp /usr/bin/busybox "$root/bin/"
    for name in sh cat echo head httpd hostname sleep stty trap wc; do ln -s busybox "$root/bin/$name"; done
    tar -C "$root" -c . | docker import - web:1`;
  await belt.ok(['exec', nodes, '--', script]);
}

/** Retries until the server responds, because a new task may not listen yet. */
export async function httpGet(url: string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await (await fetch(url, { signal: AbortSignal.timeout(2_000) })).text();
    } catch (error) {
      if (attempt === 50) throw error;
      await new Promise((wait) => setTimeout(wait, 200));
    }
  }
}
