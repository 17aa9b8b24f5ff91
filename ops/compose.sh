#!/bin/sh
# Changes a Compose shop while it serves:
#
#   ops/compose.sh upgrade           to what docker-compose.yml, .env and the environment say now (SHOP_VERSION=2 ...), part by part: Sentinels and Redis
#                                    node by node with the master last, new replicas of all services before the old ones go, Nginx at the end.
#                                    Containers whose service is not there any more are removed
#   ops/compose.sh memory SIZE       REDIS_MAXMEMORY of all nodes, such as 1gb, at once and without a restart; also in .env
#
# At most the requests that Nginx has open when it is replaced fail. `docker compose up -d` alone replaces everything at once.
set -eu
cd "$(dirname "$0")/.."
# shellcheck disable=SC1091 # checked by itself
. ops/memory.sh

say() { printf '%s  %s\n' "$(date +%T)" "$*" >&2; }
die() { say "$*"; exit 1; }
containers_of() { docker compose ps -q "$1"; }
health_of() { docker inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}' "$1"; }
# Waits up to $1 s until all containers after it are healthy.
wait_healthy() {
  until_s=$(($(date +%s) + $1))
  shift
  for container in "$@"; do
    until [ "$(health_of "$container")" = healthy ]; do
      [ "$(date +%s)" -lt "$until_s" ] || { docker logs --tail 5 "$container" >&2; return 1; }
      sleep 0.5
    done
  done
}
# Whether service $1 runs another image or configuration than docker-compose.yml says.
is_outdated() {
  wanted=$(docker compose config --hash "$1" | cut -d' ' -f2)
  image=$(docker image inspect -f '{{.Id}}' "$(docker compose config "$1" | awk -v service="  $1:" '$0 == service { inside = 1 } inside && $1 == "image:" { print $2; exit }')")
  for container in $(containers_of "$1"); do
    [ "$(docker inspect -f '{{index .Config.Labels "com.docker.compose.config-hash"}} {{.Image}}' "$container")" = "$wanted $image" ] || return 0
  done
  return 1
}
cluster() { docker compose exec -T sentinel-1 sh /shop/redis/cluster.sh "$@" || docker compose exec -T sentinel-2 sh /shop/redis/cluster.sh "$@"; }

# The containers that new ones replace, those of callers before those of what they call; and the new ones.
old_containers=
new_containers=
# Starts as many new replicas of service $1 as there are old ones, beside them, and waits until they are healthy.
start_beside() {
  service=$1 old=$(containers_of "$1")
  # shellcheck disable=SC2086 # a list, here and below
  set -- $old
  say "$service: starting $# new replicas"
  docker compose up -d --no-deps --no-recreate --scale "$service=$((2 * $#))" "$service" >/dev/null 2>&1 ||
    say "$service: docker compose reports an error"
  new=
  for container in $(containers_of "$service"); do case " $old " in *"$container"*) ;; *) new="$new $container" ;; esac; done
  old_containers="$old $old_containers" new_containers="$new_containers $new"
  [ "$(echo "$new" | wc -w)" = $# ] || give_up "$service: not all new replicas were started"
  # shellcheck disable=SC2086
  wait_healthy 120 $new || give_up "$service: the new replicas did not become healthy"
}
# Removes the new replicas of all services.
give_up() {
  # shellcheck disable=SC2086
  [ -z "$new_containers" ] || docker rm -f $new_containers >/dev/null
  die "$1. The new replicas were removed; the old ones of all services serve. Nothing after the services was changed."
}
# All services change together: a new replica may refuse calls from one of the release before, and the caller then tries another replica of the
# service it calls. So for as long as there are callers of both releases, there have to be called replicas of both.
replace_services() {
  for service in "$@"; do ! is_outdated "$service" || start_beside "$service"; done
  [ -n "$new_containers" ] || return 0
  sleep 3 # Nginx asks for addresses every second, and keeps an answer for as long
  for container in $old_containers; do
    docker stop --time 20 "$container" >/dev/null
    docker rm "$container" >/dev/null
  done
  say 'services: done'
}

# One Redis node or Sentinel.
replace_node() {
  cluster wait 60 || die "$1 was not touched: the cluster is not whole"
  case $1 in redis-*) cluster move "$1" || die "$1 is the master, and no replica took over" ;; esac
  say "$1: replacing"
  docker compose up -d --no-deps "$1" >/dev/null 2>&1
  wait_healthy 120 "$(containers_of "$1")" || die "$1 did not become healthy; the others serve. Nothing after it was changed."
  cluster wait 120 || die "$1 is not in step after 120 s"
  say "$1: done"
}

upgrade() {
  docker compose build --quiet 2>/dev/null || say 'the images could not be built here: using the local ones, or those of the registry'
  for image in $(docker compose config --images | sort -u); do
    docker image inspect "$image" >/dev/null 2>&1 || docker pull -q "$image" >/dev/null 2>&1 ||
      die "the image $image is neither here, nor could it be built or pulled. Nothing was changed."
  done
  # Without removing those of the release before: one of its containers may crash meanwhile, and has to start again.
  docker compose run --rm --no-deps secrets add >/dev/null 2>&1 || die 'the secrets could not be created: docker compose run --rm --no-deps secrets add shows why'
  # Sentinels and Redis first: a new version of a service may need a user or a right that only they can give it.
  for number in 1 2 3; do is_outdated "sentinel-$number" && replace_node "sentinel-$number"; done
  master=$(cluster master)
  for number in 1 2 3; do
    case $master in "redis-$number":*) last="redis-$number" ;; *) is_outdated "redis-$number" && replace_node "redis-$number" ;; esac
  done
  is_outdated "$last" && replace_node "$last"
  replace_services users products purchases # callers after what they call
  say 'replacing Nginx, which is back within a second, then the rest'
  docker compose up -d --no-deps nginx >/dev/null 2>&1
  # Without --remove-orphans, a container whose service was removed or renamed in this version would run for ever.
  docker compose up -d --wait --remove-orphans >/dev/null 2>&1 || die 'not everything is healthy: docker compose ps shows what'
  say 'upgraded'
}

memory() {
  [ -n "$(bytes_of "$1")" ] || die "'$1' is not a size: write it like 512mb or 1gb"
  limit=$(memory_limit_of "$1")
  for number in 1 2 3; do docker update --memory "$limit" --memory-swap "$limit" "$(containers_of "redis-$number")" >/dev/null; done
  # In the Redis containers, which hold the operator's password; the Sentinels' do not.
  for number in 1 2 3; do
    # shellcheck disable=SC2016 # for the shell in the container
    [ "$(docker compose exec -T "redis-$number" sh -c \
      'REDISCLI_AUTH=$(cat /run/secrets/REDIS_PASSWORD_OPERATOR) redis-cli --user operator CONFIG SET maxmemory "$1"' - "$1" | tr -d '\r')" = OK ] ||
      die "redis-$number did not accept maxmemory $1"
  done
  umask 077 # .env may hold passwords, and so does its copy
  touch .env
  for line in "REDIS_MAXMEMORY=$1" "REDIS_MEMORY_LIMIT=$limit"; do
    grep -v "^${line%%=*}=" .env >.env.new || true
    printf '%s\n' "$line" >>.env.new
    cat .env.new >.env && rm .env.new
  done
  say "every Redis node has maxmemory $1, also after a restart (.env)"
}

case ${1-} in
  upgrade) upgrade ;;
  memory) memory "${2:?a size such as 1gb}" ;;
  *) sed -n '2,/^set -/{s/^# \{0,1\}//p}' "$0"; exit 64 ;;
esac
