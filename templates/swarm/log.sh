timeout 600 gzip -1 -c {{segment}} >&3 || give_up 'cannot read the raft log'
