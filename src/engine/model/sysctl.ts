/** Kernel settings for clusters of hundreds of nodes: room for every neighbour of an overlay network, and for many containers' watches. */
export const swarmSysctl = `# Written by belt: kernel settings for large swarms.
net.ipv4.neigh.default.gc_thresh1 = 30000
net.ipv4.neigh.default.gc_thresh2 = 32000
net.ipv4.neigh.default.gc_thresh3 = 32768
fs.inotify.max_user_instances = 8192
fs.inotify.max_user_watches = 1048576
`;
