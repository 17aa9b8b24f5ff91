# `ops/stack.sh list`, `restore`, `test-mail`, `silence` and `grafana`. Read by ops/stack.sh with `.`.
# shellcheck shell=sh disable=SC2154 # uses common.sh

# Runs redis/backup.sh with the rest of the arguments once on the node with data label $1, whose volumes it has.
backup_on() {
  number=$1
  shift
  run_job "backup-$number" --constraint "node.labels.shop-data==$number" --mount "type=volume,source=${STACK}_backups,target=/backups" \
    --mount "type=volume,source=${STACK}_redis-$number,target=/restore/redis-$number" \
    --mount "type=volume,source=${STACK}_sentinel-$number,target=/restore/sentinel-$number" \
    --entrypoint sh "$(image_of redis-1)" /shop/redis/backup.sh "$@" ||
    die "backup.sh $1 failed on the node with label shop-data=$number"
}

# shellcheck disable=SC2068 # a list of services
stopped() { ! docker service ps --format '{{.CurrentState}}' $@ | grep -qE '^(Running|Starting|Preparing)'; }

restore() {
  # Checked before anything is stopped.
  backup_on 1 verify "$1"
  names='' stop='' start=''
  # The services too: they remember which node was the master.
  for name in users products purchases sentinel-1 sentinel-2 sentinel-3 redis-1 redis-2 redis-3; do
    replicas=$(docker service inspect -f '{{.Spec.Mode.Replicated.Replicas}}' "${STACK}_$name")
    # 0: an earlier restore was interrupted.
    if [ "$replicas" = 0 ]; then case $name in *-*) replicas=1 ;; *) replicas=${SERVICE_REPLICAS:-3} ;; esac; fi
    names="$names ${STACK}_$name" stop="$stop ${STACK}_$name=0" start="$start ${STACK}_$name=$replicas"
  done
  say 'stopping services, Sentinels and Redis'
  # shellcheck disable=SC2086 # lists, here and below
  docker service scale --detach $stop >/dev/null
  # shellcheck disable=SC2086
  wait_for 120 "all of$names to stop (to start them again: docker service scale$start)" stopped $names
  backup_on 2 empty
  backup_on 3 empty
  backup_on 1 restore "$1"
  say 'starting'
  # shellcheck disable=SC2086
  docker service scale --detach $start >/dev/null
  say 'the shop is back when /healthz answers 200'
}

# Sends JSON $2 to path $1 of Alertmanager, from a container beside it.
ask_alertmanager() {
  # shellcheck disable=SC2016 # JavaScript
  run_job alertmanager --network "${STACK}_monitoring" --secret source=shop_MONITORING_PASSWORD,target=MONITORING_PASSWORD,uid=1000,gid=1000,mode=0400 \
    --entrypoint node "$SHOP_IMAGES-api:$SHOP_VERSION" -e '
    const [path, body] = process.argv.slice(1);
    const password = require("node:fs").readFileSync("/run/secrets/MONITORING_PASSWORD", "utf8");
    const authorization = `Basic ${Buffer.from(`monitoring:${password}`).toString("base64")}`;
    fetch(`http://alertmanager:9093${path}`, { method: "POST", headers: { authorization, "content-type": "application/json" }, body })
      .then(async (answer) => { console.log(answer.status, await answer.text()); process.exit(answer.ok ? 0 : 1); });' "$1" "$2"
}

# Fires alert $1 with summary $2 for 5 min. The label `sent` makes each one new: Alertmanager mails the same alert only once in a while.
send_alert() {
  until_time=$(date -u -d '+5 minutes' +%Y-%m-%dT%H:%M:%SZ)
  ask_alertmanager /api/v2/alerts "[{\"labels\":{\"alertname\":\"$1\",\"severity\":\"info\",\"class\":\"own\",\"sent\":\"$(date -u +%FT%TZ)\"},\"annotations\":{\"summary\":\"$2\",\"description\":\"Sent by ops/stack.sh test-mail.\",\"action\":\"None.\",\"runbook_url\":\"$SHOP_URL/status/runbooks/README\"},\"endsAt\":\"$until_time\"}]" ||
    die 'Alertmanager did not accept it'
  say 'sent: the mail should arrive within a minute'
}

# Silences alert $1 for $2 hours.
silence() {
  ask_alertmanager /api/v2/silences "{\"matchers\":[{\"name\":\"alertname\",\"value\":\"$1\",\"isRegex\":false}],\"startsAt\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",\"endsAt\":\"$(date -u -d "+$2 hours" +%Y-%m-%dT%H:%M:%SZ)\",\"createdBy\":\"ops/stack.sh\",\"comment\":\"silenced for $2 h\"}" ||
    die 'Alertmanager did not accept it'
  say "$1 causes no mail for $2 h"
}

# Prints how to reach Grafana. Its address on docker_gwbridge is reachable from its own node alone.
grafana() {
  container=$(container_of grafana)
  [ -n "$container" ] || die "Grafana does not run on this node: docker service ps ${STACK}_grafana"
  address=$(docker network inspect -f "{{with index .Containers \"$(docker inspect -f '{{.Id}}' "$container")\"}}{{.IPv4Address}}{{end}}" docker_gwbridge)
  [ -n "$address" ] || die 'Grafana has no address on docker_gwbridge'
  say "On your own machine: ssh -N -L 3000:${address%/*}:3000 $(hostname), then http://localhost:3000"
}
