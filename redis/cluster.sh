#!/bin/sh
# Looks after all Redis nodes and Sentinels during maintenance. Runs beside a Sentinel (in its container), which has what it needs:
#
#   cluster.sh check          exits 0 if one more node may be stopped now: two other Sentinels at least, all that answer name the same master, the
#                             quorum is usable, every node runs, each replica is connected to the master and in step with it. Else says why not
#   cluster.sh wait SECONDS   waits until `check` succeeds
#   cluster.sh master         prints the master as host:port
#   cluster.sh move NODE      if NODE (host or host:port) is the master, moves that role to a replica and waits until `check` succeeds
#   cluster.sh memory SIZE    sets `maxmemory` of every node at once, such as 1gb. Lasts until a node restarts: change REDIS_MAXMEMORY as well
#
# Environment: PEERS and SENTINELS ("host:port ..."), MASTER_NAME, PORT and NODE_HOST of the Sentinel here; SECRETS_DIR, or the secrets
# themselves: SENTINEL_PASSWORD, REDIS_PASSWORD_SENTINEL; for `memory` also REDIS_PASSWORD_OPERATOR.
# shellcheck disable=SC1091,SC2034,SC2154 # look.sh sets and reads these
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${PEERS:?}" "${SENTINELS:?}"
MASTER_NAME=${MASTER_NAME:-shop} DATA_DIR=${DATA_DIR:-/nonexistent} self=''
secret() { if [ -n "${SECRETS_DIR-}" ]; then cat "$SECRETS_DIR/$1"; else eval "printf %s \"\${$1:?}\""; fi; }
sentinel_user='' sentinel_password=$(secret SENTINEL_PASSWORD) REDIS_PASSWORD_SENTINEL=$(secret REDIS_PASSWORD_SENTINEL)
. "$here/look.sh"

say() { printf '%s\n' "$*" >&2; }

# A replica may be this many bytes behind and still count as in step: what was written between two answers.
in_step_bytes=1048576

# Commands on stdin to Sentinel $1, as the user that may do everything there.
ask_one_sentinel() { ask "$1" '' "$sentinel_password"; }
field() { printf '%s\n' "$info" | sed -n "s/^$1://p"; }

# Sets master, or says why there is none that all Sentinels agree on.
find_master() {
  master='' heard=0
  for sentinel in $SENTINELS; do
    named=$(echo "SENTINEL GET-MASTER-ADDR-BY-NAME $MASTER_NAME" | ask_one_sentinel "$sentinel" | paste -sd: -)
    [ -n "$named" ] || continue
    heard=$((heard + 1))
    [ -z "$master" ] || [ "$master" = "$named" ] || { say "the Sentinels disagree: $master and $named"; return 1; }
    master=$named
  done
  [ "$heard" -ge 2 ] || { say "only $heard Sentinel answers; two are needed"; return 1; }
}

check() {
  find_master || return 1
  [ "$heard" = "$(echo "$SENTINELS" | wc -w)" ] || { say "$heard of $(echo "$SENTINELS" | wc -w) Sentinels answer"; return 1; }
  for sentinel in $SENTINELS; do
    case $(echo "SENTINEL CKQUORUM $MASTER_NAME" | ask_one_sentinel "$sentinel") in
      OK*) ;;
      *) say "Sentinel $sentinel reports that its quorum is not usable"; return 1 ;;
    esac
  done
  ask_node "$master"
  [ "$role" = master ] || { say "the Sentinels name $master, which answers: $role"; return 1; }
  written=$(field master_repl_offset)
  for peer in $PEERS; do
    [ "$peer" != "$master" ] || continue
    ask_node "$peer"
    [ "$role" = slave ] || { say "$peer is not a replica; its role is: $role"; return 1; }
    [ "$(field master_host):$(field master_port)" = "$master" ] || { say "$peer follows another node"; return 1; }
    [ "$(field master_link_status)" = up ] || { say "$peer is not connected to the master"; return 1; }
    [ $((written - $(field slave_repl_offset))) -lt $in_step_bytes ] || { say "$peer is behind the master"; return 1; }
  done
}

# Waits $1 seconds at most.
wait_until_safe() {
  until_s=$(($(date +%s) + $1))
  until reason=$(check 2>&1); do
    [ "$(date +%s)" -lt "$until_s" ] || { say "not safe after $1 s: $reason"; return 1; }
    sleep 0.5
  done
}

# Commands on stdin to node $1, as the Sentinels ask it.
ask_redis() { ask "$1" sentinel "$REDIS_PASSWORD_SENTINEL"; }

# Holds back what would be replicated from $1, until `CLIENT UNPAUSE` or for 0.8 s (Sentinels consider a node down after 1 s), and waits until every
# other node has what was written before. See https://redis.io/docs/latest/commands/client-pause/
hold_writes() {
  echo 'CLIENT PAUSE 800 WRITE' | ask_redis "$1" >/dev/null
  for _ in 1 2 3 4 5; do
    ask_node "$1"
    written=$(field master_repl_offset) missing=0
    for peer in $PEERS; do
      [ "$peer" != "$1" ] || continue
      ask_node "$peer"
      [ "$(field slave_repl_offset)" = "$written" ] || missing=1
    done
    [ $missing = 1 ] || return 0
  done
}

# Waits until another node than $1 is master, and lets all others follow it. Sentinel does the same about a second later, but what $1 sends them
# until then is in the history of no other node: each would have to copy all data anew, and no write could be confirmed as long as that takes.
follow_new_master() {
  new='' tries=0
  while [ -z "$new" ] && [ $tries -lt 40 ]; do
    tries=$((tries + 1))
    for peer in $PEERS; do
      [ "$peer" != "$1" ] || continue
      [ "$(echo ROLE | ask_redis "$peer" | head -n 1)" != master ] || new=$peer
    done
  done
  for peer in ${new:+$PEERS}; do
    [ "$peer" = "$new" ] || printf 'SLAVEOF %s %s\nCONFIG REWRITE\n' "${new%:*}" "${new##*:}" | ask_redis "$peer" >/dev/null
  done
  echo 'CLIENT UNPAUSE' | ask_redis "$1" >/dev/null
}

# Asks a Sentinel to replace $1 and sees it through. A Sentinel may refuse (it knows no replica that it could promote), or agree and give up. Sets refusal.
# Once one has agreed, no other is asked: two failovers at once would end in two masters.
fail_over() {
  hold_writes "$1"
  for sentinel in ${asked:-$SENTINELS}; do
    refusal=$(echo "SENTINEL FAILOVER $MASTER_NAME" | ask_one_sentinel "$sentinel")
    case $refusal in
      OK) asked=$sentinel refusal=''; break ;;
      *INPROG*) break ;;
    esac
  done
  case $refusal in
    '' | *INPROG*) follow_new_master "$1" ;;
    *) echo 'CLIENT UNPAUSE' | ask_redis "$1" >/dev/null ;;
  esac
}

move() {
  find_master
  case $master in "$1" | "$1":*) ;; *) return 0 ;; esac
  wait_until_safe 30
  old=$master asked='' refusal=''
  now_s=$(date +%s)
  until_s=$((now_s + 30)) next_s=$now_s
  until find_master 2>/dev/null && [ "$master" != "$old" ]; do
    now_s=$(date +%s)
    [ "$now_s" -lt "$until_s" ] || { say "$old is still the master after 30 s${refusal:+: the Sentinels refused a failover, $refusal}"; return 1; }
    # A Sentinel gives a failover up after `failover-timeout`, 2 s for each of its steps.
    if [ "$now_s" -ge "$next_s" ]; then
      next_s=$((now_s + 5))
      fail_over "$old"
    else
      sleep 0.2
    fi
  done
  wait_until_safe 60
  say "the master moved from $old to $master"
}

memory() {
  operator_password=$(secret REDIS_PASSWORD_OPERATOR)
  for peer in $PEERS; do
    [ "$(echo "CONFIG SET maxmemory $1" | ask "$peer" operator "$operator_password")" = OK ] || { say "$peer did not accept maxmemory $1"; return 1; }
    say "$peer: maxmemory $1"
  done
}

case ${1-} in
  check) check ;;
  wait) wait_until_safe "${2:?how many seconds?}" ;;
  master) find_master && echo "$master" ;;
  move) move "${2:?which node?}" ;;
  memory) memory "${2:?a size such as 1gb}" ;;
  *) sed -n '2,/^set -/{s/^# \{0,1\}//p}' "$0"; exit 64 ;;
esac
