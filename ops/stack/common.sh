# What all commands of ops/stack.sh share: settings, jobs on the swarm, waiting. Read by it with `.`.
# shellcheck shell=sh disable=SC2154 # $here is set by ops/stack.sh

file=$(dirname "$here")/stack.yml
grafana_file=$here/stack/grafana.yml
STACK_ENV=${STACK_ENV:-$(dirname "$here")/stack.env}

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Every setting that stack.yml knows.
known_settings() { cat "$file" "$grafana_file" | grep -o '[$]{[A-Z_]*' | cut -c3- | sort -u; }

# Takes all settings from stack.env, and none from the shell: a variable that another operator has not set, or has set for something else, must
# not change what is deployed.
load_settings() {
  [ -f "$STACK_ENV" ] || die "$STACK_ENV is missing: make it with ops/stack.sh prepare"
  for name in STACK GRAFANA $(known_settings); do unset "$name"; done
  while IFS='=' read -r name value; do
    case $name in '' | '#'*) continue ;; esac
    [ "$name" = STACK ] || [ "$name" = GRAFANA ] || known_settings | grep -qx "$name" || die "$STACK_ENV: $name is not a setting of stack.yml (spelling?)"
    export "$name=$value"
  done <"$STACK_ENV"
  STACK=${STACK:-shop}
  for name in SHOP_IMAGES SHOP_VERSION REDIS_VERSION SHOP_URL; do
    eval "[ -n \"\${$name-}\" ]" || die "$STACK_ENV: $name is missing (stack.env.example explains it)"
  done
  SHOP_MACHINES=$(docker node ls --format '{{.Hostname}}' | sort | paste -sd ' ' -)
  export SHOP_MACHINES
}

# The stack with all settings filled in, and with Grafana where stack.env says GRAFANA=on. `docker stack deploy` would take each remaining $ for
# the beginning of a setting once more: they are doubled. Docker encrypts a network that has the option `encrypted`, also with the value "false": it goes.
rendered_stack() {
  if [ "${GRAFANA-}" = on ]; then set -- -c "$grafana_file"; else set --; fi
  docker stack config -c "$file" "$@" >"$scratch/rendered" || die 'stack.yml cannot be rendered. Nothing was changed.'
  sed -e 's/[$]/$$/g' -e '/^ *driver_opts:$/{N;/encrypted: "false"/d;}' "$scratch/rendered"
}

# Writes setting $1=$2 to stack.env.
set_setting() {
  grep -v "^$1=" "$STACK_ENV" >"$STACK_ENV.new" || true
  printf '%s=%s\n' "$1" "$2" >>"$STACK_ENV.new"
  mv "$STACK_ENV.new" "$STACK_ENV"
  say "$STACK_ENV: $1=$2"
}

in_api() { docker run --rm -i --network none --entrypoint node "$SHOP_IMAGES-api:$SHOP_VERSION" compiled/ops/secrets.js "$@"; }
has_secret() { docker secret inspect "$1" >/dev/null 2>&1; }
# Creates the secret $1 from stdin. Secrets pass through pipes only, because `ps` shows arguments.
create_secret() { docker secret create "$1" - >/dev/null && say "created the secret $1"; }
# Names of the secrets that service $1 has.
secrets_of() { docker service inspect -f '{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{.SecretName}} {{end}}' "${STACK}_$1"; }
# The next number for a secret that is replaced: they cannot change.
next_number() { echo $(($(docker secret ls --format '{{.Name}}' | sed -n "s/^$1_//p" | sort -n | tail -n 1) + 1)); }
image_of() { docker service inspect -f '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "${STACK}_$1"; }
# Prints the secret $2 as a container of the service $1 has it.
secret_in() {
  container=$(container_of "$1")
  [ -n "$container" ] || die "no container of ${STACK}_$1 runs on this server: docker service ps ${STACK}_$1 says where, run this there"
  docker exec "$container" cat "/run/secrets/$2"
}

container_of() { docker ps -q -f "label=com.docker.swarm.service.name=${STACK}_$1" -f status=running | head -n 1; }

# Waits up to $1 seconds for $2, until the command after them succeeds.
wait_for() {
  until_s=$(($(date +%s) + $1)) awaited=$2
  shift 2
  until "$@"; do
    [ "$(date +%s)" -lt "$until_s" ] || die "waited too long for $awaited"
    sleep 1
  done
}

ended() { docker service ps --format '{{.CurrentState}}' "$1" | grep -qE '^(Complete|Failed|Rejected)'; }
# Runs a container once, somewhere on the swarm: name of the job, then what `docker service create` takes. Prints its output; fails if it failed.
# No `--mode replicated-job`: engine 28.5 runs such a job again and again until it is removed, several at once (seen: 15 times in 8 s).
run_job() {
  job=$STACK-$1
  shift
  docker service rm "$job" >/dev/null 2>&1 || true
  docker service create --detach --quiet --name "$job" --replicas 1 --no-healthcheck --restart-condition none --with-registry-auth "$@" >/dev/null
  wait_for 180 "the job $job" ended "$job"
  docker service logs --raw "$job" 2>&1 || say "(the output of $job is incomplete)"
  state=$(docker service ps --format '{{.CurrentState}}' "$job" | head -n 1)
  docker service rm "$job" >/dev/null
  case $state in Complete*) ;; *) return 1 ;; esac
}

# redis/cluster.sh with the rest of the arguments, inside the network of the Redis nodes.
cluster() {
  run_job cluster --network "${STACK}_data" \
    --secret source=shop_SENTINEL_PASSWORD,target=SENTINEL_PASSWORD,uid=999,gid=999,mode=0400 \
    --secret source=shop_REDIS_PASSWORD_SENTINEL,target=REDIS_PASSWORD_SENTINEL,uid=999,gid=999,mode=0400 \
    --env SECRETS_DIR=/run/secrets --env 'PEERS=redis-1:6379 redis-2:6379 redis-3:6379' \
    --env 'SENTINELS=sentinel-1:26379 sentinel-2:26379 sentinel-3:26379' \
    --entrypoint sh "$(image_of sentinel-1)" /shop/redis/cluster.sh "$@"
}
