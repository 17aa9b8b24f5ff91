#!/bin/sh
# Starts one Redis node or one Sentinel of the shop, as a local process and as a container alike:
#
#   redis/entry.sh redis      renders redis.conf and users.acl, decides whether this node may be the master, becomes redis-server
#   redis/entry.sh sentinel   renders sentinel.conf unless Sentinel's own is still good, becomes redis-server --sentinel
#
# Why a decision: a master that comes back with an empty disk, or while the others elect a new one, would wipe acknowledged data.
# So a node asks the Sentinels first, and starts as master only where nobody else could be. It says what it waits for.
#
# Environment: NODE_HOST (how others reach this node), PORT, DATA_DIR, PEERS="host:port ..." (all Redis nodes, this one may be among
# them), SENTINELS="host:port ...", INITIAL_MASTER=host:port (the very first time only), BIND, MASTER_NAME, REDIS_MAXMEMORY,
# REDIS_APPENDFSYNC; secrets as NAME, as NAME_FILE or as a file NAME in SECRETS_DIR: SENTINEL_PASSWORD, REDIS_PASSWORD_REPLICATION,
# REDIS_PASSWORD_SENTINEL, REDIS_PASSWORD_EXPORTER, REDIS_PASSWORD_OPERATOR and one REDIS_PASSWORD_<NAME> for each user in users.acl.
# Needs sh, sed, awk, sha256sum, timeout and redis-cli; no bash, no envsubst.
set -eu
umask 077 # everything written here holds secrets or data
here=$(cd "$(dirname "$0")" && pwd)

say() { printf '%s entry: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"; }
die() { say "$*" >&2; exit 1; }
# The same sentence is said once, not five times a second.
said=
waiting() { [ "$*" = "$said" ] || say "waiting: $*"; said=$*; }

# --- What this node was given

: "${NODE_HOST:?}" "${PORT:?}" "${DATA_DIR:?}" "${PEERS:?}" "${SENTINELS:?}" "${INITIAL_MASTER:?}"
BIND=${BIND:-127.0.0.1}
MASTER_NAME=${MASTER_NAME:-shop}
REDIS_MAXMEMORY=${REDIS_MAXMEMORY:-512mb}
REDIS_APPENDFSYNC=${REDIS_APPENDFSYNC:-everysec}
REPLICA_PRIORITY=100
self=$NODE_HOST:$PORT

# Puts the secret called $1 into the variable of that name, from NAME_FILE or from SECRETS_DIR if it is not there itself.
load_secret() {
  eval "value=\${$1-} file=\${$1_FILE-${SECRETS_DIR:+$SECRETS_DIR/$1}}"
  [ -n "$value" ] || [ -z "$file" ] || value=$(cat "$file")
  [ -n "$value" ] || die "$1 is missing: set it, or $1_FILE to a file that holds it${SECRETS_DIR:+, or put it into $SECRETS_DIR}"
  case $value in *[!A-Za-z0-9._~+/=@:-]*) die "$1 may only hold letters, digits and . _ ~ + / = @ : -" ;; esac
  eval "$1=\$value"
}
acl_passwords=$(sed -n 's/.*[$]{\(REDIS_PASSWORD_[A-Z0-9_]*\)_SHA256}.*/\1/p' "$here/users.acl")
case ${1-} in
  redis) secrets="SENTINEL_PASSWORD $acl_passwords" ;;
  sentinel) secrets='SENTINEL_PASSWORD REDIS_PASSWORD_SENTINEL REDIS_PASSWORD_EXPORTER' ;;
  *) die "usage: redis/entry.sh redis|sentinel" ;;
esac
for name in $secrets; do load_secret "$name"; done
mkdir -p "$DATA_DIR"

# Template $1 on stdout, with the placeholders named after it replaced by the variables of the same name and nothing else touched.
# The values go to sed through a pipe: in an argument `ps` would show them.
render() {
  template=$1
  shift
  for name in "$@"; do
    eval "value=\${$name}"
    printf 's|[$]{%s}|%s|g\n' "$name" "$value"
  done | sed -f /dev/stdin "$template"
}

# --- Asking others

# An answer within this time or none. Fractions of a second are a matter of the `timeout` at hand.
ask_s=0.4
timeout $ask_s true 2>/dev/null || ask_s=1
# Sends the commands on stdin to $1 (host:port) as user $2 ('' = default) with password $3.
ask() { REDISCLI_AUTH=$3 timeout "$ask_s" redis-cli -h "${1%:*}" -p "${1##*:}" ${2:+--user "$2"} 2>/dev/null | tr -d '\r'; }

# What one Sentinel ($1) says: "EPOCH HOST:PORT REPLICAS ALIVE ELECTING" or nothing. ALIVE counts the replicas that it sees answering,
# ELECTING is 1 while it is replacing the master.
ask_sentinel() {
  printf 'SENTINEL MASTER %s\nSENTINEL REPLICAS %s\n' "$MASTER_NAME" "$MASTER_NAME" | ask "$1" '' "$SENTINEL_PASSWORD" | awk '
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

# What Redis node $1 says of itself. Sets role (master, slave, none: no answer, refused: it does not let us in), loading (0 or 1), keys (0: none).
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

# --- What lies on this node's disk

aof_dir=$DATA_DIR/appendonlydir
manifest=$aof_dir/appendonly.aof.manifest
rdb=$DATA_DIR/dump.rdb

# An append-only file with anything in it, or a snapshot larger than that of an empty Redis (some 200 bytes).
has_data() {
  [ -n "$(find "$DATA_DIR" -maxdepth 2 \( -name '*.incr.aof' -size +0 -o -name '*.rdb' -size +250c \) ! -name 'temp-*' ! -path '*/broken-*' | head -n 1)" ]
}

# Whether the append-only file cannot be read to its end: corrupt, or cut short. Read once, since nobody writes it now.
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
  say "what was on disk is damaged and was put aside in $aside (delete it when nobody misses it)"
}

# With `appendonly yes` Redis looks at the append-only file alone, and a snapshot without one is passed over without a word: 0 keys.
# Made the base of an append-only file, it is loaded.
adopt_snapshot() {
  if [ -e "$rdb" ] && [ ! -e "$aof_dir" ]; then
    mkdir "$aof_dir"
    ln "$rdb" "$aof_dir/appendonly.aof.1.base.rdb" 2>/dev/null || cp "$rdb" "$aof_dir/appendonly.aof.1.base.rdb"
    printf 'file appendonly.aof.1.base.rdb seq 1 type b\n' >"$manifest"
    say "no append-only file here: loading the snapshot dump.rdb"
  fi
}

# --- Becoming Redis

# Becomes redis-server, following $1 (host:port), or as master if $1 is ''.
become_redis() {
  adopt_snapshot
  {
    render "$here/redis.conf" BIND PORT DATA_DIR NODE_HOST REDIS_PASSWORD_REPLICATION REDIS_MAXMEMORY REDIS_APPENDFSYNC REPLICA_PRIORITY
    [ -z "$1" ] || printf 'replicaof %s %s\n' "${1%:*}" "${1##*:}"
  } >"$DATA_DIR/redis.conf"
  hashes=
  for name in $acl_passwords; do
    eval "${name}_SHA256=\$(printf %s \"\$$name\" | sha256sum | cut -c1-64)"
    hashes="$hashes ${name}_SHA256"
  done
  # shellcheck disable=SC2086 # a list of names
  render "$here/users.acl" $hashes | sed '/^#/d;/^$/d' >"$DATA_DIR/users.acl"
  exec redis-server "$DATA_DIR/redis.conf"
}

# When a file of this node's data was last written, in tenths of a second (in whole ones where `stat` knows no fractions).
last_write() {
  find "$DATA_DIR" -maxdepth 2 \( -name '*.aof' -o -name '*.rdb' \) ! -path '*/broken-*' -exec stat -c '%.1Y' {} + 2>/dev/null |
    sed -n 's/^\([0-9]*\)\.\([0-9]\)$/\1\2/p; t; s/^[0-9]*$/&0/p' | sort -n | tail -n 1
}

# A node that starts without a master to copy from must not be elected before one that has more. Sentinel prefers the lowest priority:
# whoever wrote last gets the lowest, and 0 (never) who has nothing. A copy of it in the background makes all equal again (100) as soon
# as this node is in step with a master or is one. ($$ stays the process id of what this script becomes.)
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

# The Sentinels name another node: it is the master, if it lives.
follow() {
  ask_node "$master"
  if [ "$role" = master ] && [ "$loading" = 0 ]; then
    if [ "$keys" = 0 ] && has_data; then
      waiting "$master is the master and EMPTY, while this node has data, which following it would wipe. Either stop $master" \
        "and copy $DATA_DIR of this node into its own data folder, or empty $DATA_DIR if these data are not needed"
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
    say "the master $master did not answer for 10 s: starting as a replica, so that one of those who are here can be elected"
    become_unsynced_replica "$master"
  fi
}

# The Sentinels name this node. Being the master again is only safe where nobody else has more, or could be elected meanwhile.
# A first election takes 3 s, one that failed is tried again every 6 s: the waiting times have room for two.
lead() {
  now=$(date +%s)
  if [ "$answers" -lt 2 ]; then
    since=$now
    waiting "this node was the master, but only one Sentinel answers to confirm it: two are needed"
    return
  fi
  ask_peers
  [ "$running" -gt 0 ] || [ "$alive" -gt 0 ] || alone_until=$now
  alone_s=$((now - since)) together_s=$((now - alone_until))
  if ! has_data; then
    if [ "$known" = 0 ] && [ "$epoch" = 0 ] && [ -z "$filled" ]; then
      say "first start: this node is the master"
      become_redis ''
    elif [ "$empty" = "$others" ] && [ "$together_s" -ge 15 ]; then
      say "no node has any data and nobody else was elected: this node is the master"
      become_redis ''
    elif [ "$running" -gt 0 ]; then
      waiting "the Sentinels name this node as the master, but its data folder is empty: another one has to be elected first"
    else
      waiting "the Sentinels name this node as the master, but its data folder $DATA_DIR is empty and no other node runs:" \
        "put its data back, or start a node that has them; if all data may go, empty the data folders of all Redis nodes and Sentinels"
    fi
    return
  fi
  patience_s=15
  if is_damaged; then patience_s=30; fi
  if [ "$running" -gt 0 ] || [ "$alive" -gt 0 ]; then
    if [ "$together_s" -lt "$patience_s" ] || [ "$electing" = 1 ]; then
      waiting "this node was the master and others are up: one of them is being elected"
    else
      say "nobody else was elected in $patience_s s and the data are here: this node is the master"
      become_redis ''
    fi
  elif [ "$patience_s" = 30 ] && [ "$alone_s" -lt 30 ]; then
    waiting "this node was the master, but its append-only file is damaged (see $DATA_DIR/check-aof.txt): better another one is elected"
  else
    say "nobody else runs and the data are here: this node is the master"
    become_redis ''
  fi
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

# --- Becoming a Sentinel

# The node in today's PEERS that stands where $1 stood in the PEERS of then ($2): addresses may have changed since. Else nothing.
same_place() {
  then=$2
  # shellcheck disable=SC2086 # a list
  set -- "$1" $PEERS
  old_master=$1
  for old in $then; do
    shift
    [ "$old" != "$old_master" ] || { printf '%s' "${1-}"; return; }
  done
}

start_sentinel() {
  conf=$DATA_DIR/sentinel.conf
  inputs=$DATA_DIR/inputs
  MASTER_HOST=${INITIAL_MASTER%:*} MASTER_PORT=${INITIAL_MASTER##*:}
  placeholders='BIND PORT DATA_DIR NODE_HOST SENTINEL_PASSWORD MASTER_NAME MASTER_HOST MASTER_PORT REDIS_PASSWORD_SENTINEL
    REDIS_PASSWORD_EXPORTER_SHA256'
  REDIS_PASSWORD_EXPORTER_SHA256=$(printf %s "$REDIS_PASSWORD_EXPORTER" | sha256sum | cut -c1-64)
  # shellcheck disable=SC2086 # a list of names
  fingerprint=$({ render "$here/sentinel.conf" $placeholders; echo "$PEERS $SENTINELS"; } | sha256sum | cut -c1-64)
  monitored=$(sed -n "s/^sentinel monitor $MASTER_NAME \([^ ]*\) \([0-9]*\) .*/\1:\2/p" "$conf" 2>/dev/null || true)
  if [ -n "$monitored" ] && [ "$(sed -n 1p "$inputs" 2>/dev/null)" = "$fingerprint" ]; then
    say "going on with what this Sentinel knew: the master is $monitored"
  else
    epochs=
    ask_sentinels
    if [ "$answers" -gt 0 ]; then
      say "the other Sentinels say that the master is $master"
    elif [ -n "$monitored" ]; then
      # A setting has changed, and what this Sentinel had learned is still true.
      master=$(same_place "$monitored" "$(sed -n 2p "$inputs" 2>/dev/null)")
      epochs=$(grep -E "^sentinel (current-epoch|config-epoch|leader-epoch) " "$conf" || true)
    else
      # All Sentinels have lost what they knew: is one of the nodes a master at work?
      for peer in $PEERS; do
        ask_node "$peer"
        [ "$role" != master ] || master=${master:-$peer}
      done
    fi
    master=${master:-$INITIAL_MASTER}
    MASTER_HOST=${master%:*} MASTER_PORT=${master##*:}
    say "configured anew: the master is $master"
    # shellcheck disable=SC2086 # a list of names
    { render "$here/sentinel.conf" $placeholders; printf '%s\n' "$epochs"; } >"$conf.new"
    printf '%s\n%s\n' "$fingerprint" "$PEERS" >"$inputs"
    mv "$conf.new" "$conf"
  fi
  # Sentinel asks a master for its replicas every 10 s, which leaves a shop that has just started without anybody to elect; 1 s is no
  # setting of the file, only of the running process. A Redis before 7.0 refuses, and all that is lost is those seconds.
  (
    (
      while kill -0 $$ 2>/dev/null; do
        case $(echo 'SENTINEL DEBUG info-period 1000 publish-period 1000' | ask "$self" '' "$SENTINEL_PASSWORD") in
          OK* | ERR*) break ;;
        esac
        sleep 0.1
      done
    ) &
  )
  exec redis-server "$conf" --sentinel
}

"start_$1"
