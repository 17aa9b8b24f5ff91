# What redis/entry.sh finds out before it decides: the views of the Sentinels, the state of the other nodes, and this node's data on disk.
# Read by it with `.`, and uses its variables.
# shellcheck shell=sh disable=SC2034,SC2154 # what these set and use is shared with entry.sh

# --- Asking others

# An answer within this time or none. Fractions of a second are a matter of the `timeout` at hand.
ask_s=0.4
timeout $ask_s true 2>/dev/null || ask_s=1
# Sends the commands on stdin to $1 (host:port) as user $2 ('' = default) with password $3.
ask() { REDISCLI_AUTH=$3 timeout "$ask_s" redis-cli -h "${1%:*}" -p "${1##*:}" ${2:+--user "$2"} 2>/dev/null | tr -d '\r'; }

# What one Sentinel ($1) says: "EPOCH HOST:PORT REPLICAS ALIVE ELECTING" or nothing. ALIVE counts the replicas that it sees answering,
# ELECTING is 1 while it is replacing the master.
ask_sentinel() {
  printf 'SENTINEL MASTER %s\nSENTINEL REPLICAS %s\n' "$MASTER_NAME" "$MASTER_NAME" | ask "$1" "$sentinel_user" "$sentinel_password" | awk '
    NR == 1 && $0 != "name" { exit }
    NR % 2 { key = $0; next }
    key == "name" { block++ }
    block == 1 { master[key] = $0 }
    block > 1 && key == "flags" { known++; if ($0 !~ /down|disconnected/) alive++ }
    END {
      if (block) print master["config-epoch"], master["ip"] ":" master["port"], known + 0, alive + 0, master["flags"] ~ /failover_in_progress/
    }'
}

# Asks every Sentinel but this node. Sets answers, and of the answer with the highest epoch: epoch, master; the most of: known, alive,
# electing.
ask_sentinels() {
  answers=0 epoch=-1 master='' known=0 alive=0 electing=0
  for sentinel in $SENTINELS; do
    [ "$sentinel" != "$self" ] || continue
    view=$(ask_sentinel "$sentinel") || true
    [ -n "$view" ] || continue
    # shellcheck disable=SC2086 # five words
    set -- $view
    answers=$((answers + 1))
    if [ "$1" -gt "$epoch" ]; then epoch=$1 master=$2; fi
    [ "$3" -le "$known" ] || known=$3
    [ "$4" -le "$alive" ] || alive=$4
    [ "$5" -le "$electing" ] || electing=$5
  done
}

# The state that Redis node $1 reports. Sets role (master, slave, none: no answer, refused: it does not let us in), loading (0 or 1), keys (0: none).
ask_node() {
  info=$(printf 'INFO replication\nINFO persistence\nINFO keyspace\n' | ask "$1" sentinel "$REDIS_PASSWORD_SENTINEL") || true
  role=$(printf '%s\n' "$info" | sed -n 's/^role://p')
  loading=$(printf '%s\n' "$info" | sed -n 's/^loading://p')
  loading=${loading:-0}
  keys=$(printf '%s\n' "$info" | sed -n 's/^db[0-9]*:keys=\([0-9]*\).*/\1/p' | head -n 1)
  keys=${keys:-0}
  case $info in
    '') role=none ;;
    *NOAUTH* | *WRONGPASS* | *NOPERM*) role=refused ;;
  esac
}

# Asks every other node. Sets others (how many there are), running (how many answer), empty (how many have loaded what they have, which
# is nothing), filled (the first that has keys, or '').
ask_peers() {
  others=0 running=0 empty=0 filled=''
  for peer in $PEERS; do
    [ "$peer" != "$self" ] || continue
    others=$((others + 1))
    ask_node "$peer"
    [ "$role" = none ] || running=$((running + 1))
    case $role in master | slave) [ "$loading$keys" != 00 ] || empty=$((empty + 1)) ;; esac
    [ "$keys" = 0 ] || filled=${filled:-$peer}
  done
}

# --- This node's data on disk

aof_dir=$DATA_DIR/appendonlydir
manifest=$aof_dir/appendonly.aof.manifest
rdb=$DATA_DIR/dump.rdb

# An append-only file with anything in it, or a snapshot larger than that of an empty Redis (some 200 bytes).
has_data() {
  [ -n "$(find "$DATA_DIR" -maxdepth 2 \( -name '*.incr.aof' -size +0 -o -name '*.rdb' -size +250c \) ! -name 'temp-*' ! -path '*/broken-*' | head -n 1)" ]
}

# Whether the append-only file cannot be read to its end: corrupt, or cut short. Read once, because no process writes it now.
damaged=
is_damaged() {
  if [ -z "$damaged" ]; then
    damaged=no
    if [ -e "$manifest" ]; then
      redis-check-aof "$manifest" >"$DATA_DIR/check-aof.txt" 2>&1 || damaged=yes
    elif [ -n "$(find "$aof_dir" -name 'appendonly.aof.*' 2>/dev/null | head -n 1)" ]; then
      damaged=yes # files without the list that says their order
    fi
  fi
  [ "$damaged" = yes ]
}

set_aside() {
  aside=$DATA_DIR/broken-$(date -u +%Y%m%dT%H%M%SZ)
  mkdir -p "$aside"
  for path in "$aof_dir" "$rdb"; do [ ! -e "$path" ] || mv "$path" "$aside/"; done
  say "the data on disk are damaged: moved to $aside (delete them when they are no longer needed)"
}

# With `appendonly yes` Redis looks at the append-only file alone, and a snapshot without one is ignored silently: 0 keys.
# Made the base of an append-only file, it is loaded.
adopt_snapshot() {
  if [ -e "$rdb" ] && [ ! -e "$aof_dir" ]; then
    mkdir "$aof_dir"
    ln "$rdb" "$aof_dir/appendonly.aof.1.base.rdb" 2>/dev/null || cp "$rdb" "$aof_dir/appendonly.aof.1.base.rdb"
    printf 'file appendonly.aof.1.base.rdb seq 1 type b\n' >"$manifest"
    say "there is no append-only file: loading the snapshot dump.rdb"
  fi
}
