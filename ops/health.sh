#!/bin/bash
# Health check of a container: `health.sh api|nginx|redis|sentinel [alive]`, or `health.sh http PATH`. Readiness differs from liveness:
#
#   ready   is checked until it was true once. Before that a container counts as starting: a rolling update waits for it.
#   alive   is checked from then on. A service that drains, or a Redis without a master to follow, is not ready but healthy:
#           Nginx and the Sentinels bypass a process that is not ready; killing it would only make things worse.
#
# With `alive`, readiness is never checked: a swarm gives a container its name only when it is healthy, and Redis nodes and Sentinels have
# to find each other by name to become ready.
#
# A process that runs but does not answer (frozen) is killed after $limit checks, 30 s to 60 s, so that it is restarted. Swarm would do that by
# itself; plain Docker and Compose only write "unhealthy".
kind=$1
limit=6
mark=/tmp/health-was-ready
misses=/tmp/health-misses

# Status of GET http://127.0.0.1:$1$2, by bash alone: slim images have no curl, and to start Node for this would cost more than to serve.
status() {
  exec 3<>"/dev/tcp/127.0.0.1/$1" || return
  printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&3
  IFS=' ' read -r -t 4 _ code _ <&3
  [ "$code" = 200 ]
} 2>/dev/null

# The commands in $2 to port $1, as user $3 with the password in file $4.
redis() { printf '%b' "$2" | REDISCLI_AUTH=$(cat "$SECRETS_DIR/$4") timeout 4 redis-cli -p "$1" --user "$3" 2>/dev/null | tr -d '\r'; }

case $kind in
  api)
    ready() { status "$PORT" /readyz; }
    alive() { status "$PORT" /livez; }
    ;;
  nginx)
    ready() { status 8081 /; }
    alive() { status 8081 /; }
    ;;
  http)
    path=$2
    ready() { status "$PORT" "$path"; }
    alive() { status "$PORT" "$path"; }
    ;;
  redis)
    # Any answer counts, also LOADING and BUSY.
    alive() { [ -n "$(redis "$PORT" 'PING\n' operator REDIS_PASSWORD_OPERATOR)" ]; }
    ready() { redis "$PORT" 'INFO replication\n' operator REDIS_PASSWORD_OPERATOR | grep -qE '^(role:master|master_link_status:up)$'; }
    ;;
  sentinel)
    alive() { [ -n "$(redis "$PORT" 'PING\n' health SENTINEL_PASSWORD_HEALTH)" ]; }
    # It knows a replica, and enough other Sentinels to elect it.
    ready() { redis "$PORT" "SENTINEL CKQUORUM ${MASTER_NAME:-shop}\n" health SENTINEL_PASSWORD_HEALTH | grep -q ^OK; }
    ;;
esac

if [ ! -e "$mark" ]; then
  if [ "${2-}" = alive ]; then alive; else ready; fi || { echo 'not ready yet'; exit 1; }
  : >"$mark"
elif ! alive; then
  echo x >>"$misses"
  echo "no answer, check $(wc -l <"$misses") of $limit"
  # Children of process 1, which is Docker's init: with them gone, the container ends and is restarted.
  # shellcheck disable=SC2046 # a list
  [ "$(wc -l <"$misses")" -lt "$limit" ] || kill -KILL $(cat /proc/1/task/1/children)
  exit 1
fi
rm -f "$misses"
