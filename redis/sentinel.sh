# How a Sentinel starts: with its saved state, or with a new configuration. Read by redis/entry.sh with `.`, and uses its variables.
# shellcheck shell=sh disable=SC2034,SC2154 # what these set and use is shared with entry.sh

# The node in PEERS at the position that $1 had in the earlier PEERS ($2): addresses may have changed since. Nothing if $1 was not there.
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

# Ends a failover of this Sentinel that it would never finish: see decide_stuck. It then watches the same node as the others, and finds the
# replicas and the other Sentinels again within a few seconds.
end_stuck_failover() {
  state=$(printf 'SENTINEL MASTER %s\nSENTINEL REPLICAS %s\n' "$MASTER_NAME" "$MASTER_NAME" | ask "$self" '' "$SENTINEL_PASSWORD" | awk '
    NR == 1 && $0 != "name" { exit }
    NR % 2 { key = $0; next }
    key == "name" { block++; promoted = 0 }
    block == 1 { master[key] = $0 }
    block > 1 && key == "flags" { promoted = /promoted/ }
    promoted && key == "s-down-time" { down_ms = $0 }
    END { print master["flags"] ~ /failover_in_progress/, down_ms + 0, master["ip"] ":" master["port"] }')
  # shellcheck disable=SC2086 # three words
  set -- $state
  failing_over=$1 promoted_down_ms=$2 watched=$3 named=
  [ "$promoted_down_ms" -gt 0 ] || return 0
  for sentinel in $SENTINELS; do
    [ "$sentinel" != "$self" ] || continue
    named="$named $(echo "SENTINEL GET-MASTER-ADDR-BY-NAME $MASTER_NAME" | ask "$sentinel" '' "$SENTINEL_PASSWORD" | paste -sd: -)"
  done
  decide_stuck || return 0
  say "the replica that this Sentinel promoted has been down for $promoted_down_ms ms, and the others name $watched: ending this failover by SENTINEL RESET"
  echo "SENTINEL RESET $MASTER_NAME" | ask "$self" '' "$SENTINEL_PASSWORD" >/dev/null
}

start_sentinel() {
  conf=$DATA_DIR/sentinel.conf
  inputs=$DATA_DIR/inputs
  MASTER_HOST=${INITIAL_MASTER%:*} MASTER_PORT=${INITIAL_MASTER##*:}
  placeholders="BIND PORT DATA_DIR NODE_HOST SENTINEL_PASSWORD MASTER_NAME MASTER_HOST MASTER_PORT REDIS_PASSWORD_SENTINEL $hashes"
  # shellcheck disable=SC2086 # a list of names
  fingerprint=$({ render "$here/sentinel.conf" $placeholders; echo "$PEERS $SENTINELS"; } | sha256sum | cut -c1-64)
  monitored=$(sed -n "s/^sentinel monitor $MASTER_NAME \([^ ]*\) \([0-9]*\) .*/\1:\2/p" "$conf" 2>/dev/null || true)
  if [ -n "$monitored" ] && [ "$(sed -n 1p "$inputs" 2>/dev/null)" = "$fingerprint" ]; then
    say "using the state that this Sentinel saved: the master is $monitored"
    # Where nodes have names, a Sentinel sometimes notes a replica twice, or the master as its own replica (seen with Redis 8.0, after a
    # failover in which a name was unknown for a while), and then refuses to read what it wrote itself. Port 0 is a client that once
    # copied the master's data, and no replica.
    awk -v master="$monitored" '
      /^sentinel known-replica / { node = $4 ":" $5; if (node == master || $5 == 0 || seen[node]++) next }
      { print }' "$conf" >"$conf.new"
    mv "$conf.new" "$conf"
  else
    epochs=
    ask_sentinels
    if [ "$answers" -gt 0 ]; then
      say "the other Sentinels say that the master is $master"
    elif [ -n "$monitored" ]; then
      # A setting has changed, but the saved state is still true.
      master=$(same_place "$monitored" "$(sed -n 2p "$inputs" 2>/dev/null)")
      epochs=$(grep -E "^sentinel (current-epoch|config-epoch|leader-epoch) " "$conf" || true)
    else
      # All Sentinels have lost what they knew: the master is a node that runs as one.
      for peer in $PEERS; do
        ask_node "$peer"
        [ "$role" != master ] || master=${master:-$peer}
      done
    fi
    master=${master:-$INITIAL_MASTER}
    MASTER_HOST=${master%:*} MASTER_PORT=${master##*:}
    say "new configuration: the master is $master"
    # shellcheck disable=SC2086 # a list of names
    { render "$here/sentinel.conf" $placeholders; printf '%s\n' "$epochs"; } >"$conf.new"
    printf '%s\n%s\n' "$fingerprint" "$PEERS" >"$inputs"
    mv "$conf.new" "$conf"
  fi
  # Sentinel asks a master for its replicas every 10 s, which leaves a shop that has just started without a node to elect; 1 s is no
  # setting of the file, only of the running process. Nor does it reconnect to a node, or send it a PING, more than once a second: the
  # leader of a failover, which has just asked the dead master, then sees the new one as silent after the same second
  # (sentinelReconnectInstance and sentinelResetMaster in sentinel.c), and replaces it as well. With half of that it never does.
  # A Sentinel whose own process was stopped for 2 s (a frozen node, a machine under load) judges no node for the next 30 s (`tilt`). That is too
  # long if a second fault follows, or if all Sentinels are in it. It only needs fresh answers, which take a second or two.
  # A Redis before 7.0 refuses these settings: failovers then take these seconds longer, and sometimes there is a second one.
  (
    (
      while kill -0 $$ 2>/dev/null; do
        case $(echo 'SENTINEL DEBUG info-period 250 publish-period 500 ping-period 500 tilt-period 5000' | ask "$self" '' "$SENTINEL_PASSWORD") in
          OK* | ERR*) break ;;
        esac
        sleep 0.1
      done
      while sleep 2 && kill -0 $$ 2>/dev/null; do end_stuck_failover || true; done
    ) &
  )
  exec redis-server "$conf" --sentinel
}
