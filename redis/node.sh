# How a Redis node starts: as the master, as a replica of one, or not yet. Read by redis/entry.sh with `.`, and uses its variables.
# shellcheck shell=sh disable=SC2034,SC2154 # what these set and use is shared with entry.sh

# Becomes redis-server, following $1 (host:port), or as master if $1 is ''.
become_redis() {
  adopt_snapshot
  {
    render "$here/redis.conf" BIND PORT DATA_DIR NODE_HOST REDIS_PASSWORD_REPLICATION REDIS_MAXMEMORY REDIS_APPENDFSYNC REPLICA_PRIORITY
    [ -z "$1" ] || printf 'replicaof %s %s\n' "${1%:*}" "${1##*:}"
  } >"$DATA_DIR/redis.conf"
  # shellcheck disable=SC2086 # a list of names
  render "$here/users.acl" $hashes | sed '/^#/d;/^$/d' >"$DATA_DIR/users.acl"
  exec redis-server "$DATA_DIR/redis.conf"
}

# When a file of this node's data was last written, in tenths of a second (in whole ones where `stat` has no fractions).
last_write() {
  find "$DATA_DIR" -maxdepth 2 \( -name '*.aof' -o -name '*.rdb' \) ! -path '*/broken-*' -exec stat -c '%.1Y' {} + 2>/dev/null |
    sed -n 's/^\([0-9]*\)\.\([0-9]\)$/\1\2/p; t; s/^[0-9]*$/&0/p' | sort -n | tail -n 1
}

# A node that starts without a master to copy from must not be elected before one that has more. Sentinel prefers the lowest priority: the
# node that wrote last gets the lowest, and one that has nothing gets 0 (never). Redis keeps no replication offset with its append-only file, so
# the time of the last write is all there is to compare (DESIGN.md, "Choosing the master at start"). A copy of this script in the background
# makes all equal again (100) as soon as this node is in step with a master or is one. ($$ stays the process id of what this script becomes.)
become_unsynced_replica() {
  REPLICA_PRIORITY=0
  if has_data; then
    # Counted down from the largest that Redis takes; the remainder only matters once in six years.
    REPLICA_PRIORITY=$((2147483647 - $(last_write) % 2147483000))
  fi
  (
    (
      while kill -0 $$ 2>/dev/null; do
        case $(echo ROLE | ask "$self" operator "$REDIS_PASSWORD_OPERATOR" | tr '\n' ' ') in
          master* | slave*\ connected\ *)
            echo 'CONFIG SET replica-priority 100' | ask "$self" operator "$REDIS_PASSWORD_OPERATOR" >/dev/null && break
            ;;
        esac
        sleep 0.3
      done
    ) &
  )
  become_redis "$1"
}

# The Sentinels name another node: it is the master if it runs.
follow() {
  ask_node "$master"
  if [ "$role" = master ] && [ "$loading" = 0 ]; then
    if [ "$keys" = 0 ] && has_data; then
      waiting "the master $master is EMPTY and this node has data: as its replica this node would delete them. Either stop $master" \
        "and copy $DATA_DIR of this node into its data folder, or empty $DATA_DIR if these data are not needed"
      return
    fi
    if is_damaged; then set_aside; fi
    say "following the master $master"
    become_redis "$master"
  fi
  if [ "$role" = master ]; then
    since=$(date +%s)
    waiting "the master $master loads its data"
  elif [ "$role" = refused ]; then
    waiting "the master $master does not accept this node's password"
  elif [ $(($(date +%s) - since)) -lt 10 ]; then
    waiting "the master $master does not answer yet"
  else
    say "the master $master did not answer for 10 s: starting as a replica, so that one of the nodes that run can be elected"
    become_unsynced_replica "$master"
  fi
}

# The Sentinels name this node: see decide_lead.
lead() {
  now=$(date +%s)
  # Without two answers the time does not count.
  [ "$answers" -ge 2 ] || since=$now
  ask_peers
  [ "$running" -gt 0 ] || [ "$alive" -gt 0 ] || alone_until=$now
  alone_s=$((now - since)) together_s=$((now - alone_until)) data=none
  if has_data; then
    data=whole
    if is_damaged; then data=damaged; fi
  fi
  case $(decide_lead) in
    'wait two-sentinels') waiting "this node was the master; two Sentinels must confirm that it still is, and $answers answers" ;;
    'wait empty-not-elected-yet')
      waiting "the Sentinels name this node as the master, but its data folder is empty: another one has to be elected first" ;;
    'wait empty-alone')
      waiting "the Sentinels name this node as the master, but its data folder $DATA_DIR is empty and no other node runs:" \
        "put its data back, or start a node that has data; if no data are needed, empty the data folders of all Redis nodes and Sentinels" ;;
    'wait election') waiting "this node was the master, and other nodes run: one of them is being elected" ;;
    'wait damaged-alone')
      waiting "this node was the master, but its append-only file is damaged (see $DATA_DIR/check-aof.txt): another node should be elected instead" ;;
    'start first') lead_because "first start" ;;
    'start all-empty') lead_because "no node has any data and no other was elected" ;;
    'start none-elected') lead_because "no other node was elected in $together_s s and the data are here" ;;
    'start alone') lead_because "no other node runs and the data are here" ;;
  esac
}

lead_because() {
  say "$1: this node is the master"
  become_redis ''
}

start_redis() {
  situation=
  since=0
  while :; do
    ask_sentinels
    if [ "$answers" = 0 ]; then
      waiting "no Sentinel answers yet ($SENTINELS)"
    else
      if [ "$situation" != "$master" ]; then situation=$master since=$(date +%s) alone_until=$since; fi
      if [ "$master" = "$self" ]; then lead; else follow; fi
    fi
    sleep 0.2
  done
}
