#!/bin/sh
# The shop on a swarm, from a manager node:
#
#   ops/stack.sh prepare                 gives three nodes the data (labels) and makes the secrets that do not exist; safe to repeat
#   ops/stack.sh password                prints the first admin's address and password (where a `users` container runs on this node)
#   ops/stack.sh certificate CERT KEY    puts another certificate to work, by a rolling update of Nginx
#   ops/stack.sh mail                    sends alert mails through the mail server in SMTP_URL (environment) from now on
#   ops/stack.sh deploy [OPTION ...]     `docker stack deploy -c stack.yml` with these options, but where anything about Redis or the Sentinels
#                                        has changed, one node after another
#   ops/stack.sh list [NUMBER]           the backups on the node with label shop-data=NUMBER (1)
#   ops/stack.sh restore FILE            brings the data back from a backup on the node with label shop-data=1. One of another node: copy it and
#                                        its .sha256 into the volume `backups` there first
#
# Environment: STACK (shop), SHOP_IMAGES, SHOP_VERSION as for `docker stack deploy`; for the first `prepare` also ADMIN_EMAIL,
# ADMIN_PASSWORD, SMTP_URL, CERT_NAMES="shop.example ..." for the self-signed certificate, or TLS_CERT_FILE and TLS_KEY_FILE for a given one.
set -eu
STACK=${STACK:-shop}
file=$(dirname "$0")/../stack.yml
images=${SHOP_IMAGES:-evergreen} version=${SHOP_VERSION:-local}

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
in_api() { docker run --rm --network none --entrypoint node "$images-api:$version" --import /app/ops/typescript.mjs ops/secrets.ts "$@"; }
has_secret() { docker secret inspect "$1" >/dev/null 2>&1; }
# Makes a secret of stdin. Values travel through pipes only: what stands in an argument shows in `ps`.
keep() { docker secret create "$1" - >/dev/null && say "made the secret $1"; }

label_nodes() {
  free=
  taken=
  for node in $(docker node ls -q); do
    label=$(docker node inspect -f '{{index .Spec.Labels "shop-data"}}' "$node")
    case $label in
      [123]) taken="$taken $label" ;;
      *) [ "$(docker node inspect -f '{{.Status.State}}' "$node")" != ready ] || free="$free $node" ;;
    esac
  done
  for number in 1 2 3; do
    case " $taken " in *" $number "*) continue ;; esac
    # shellcheck disable=SC2086 # a list
    set -- $free
    [ $# -gt 0 ] || die "no node left for redis-$number: the data want three nodes"
    docker node update --label-add "shop-data=$number" --label-add shop-holds-data=true "$1" >/dev/null
    say "redis-$number and sentinel-$number live on $(docker node inspect -f '{{.Description.Hostname}}' "$1")"
    shift
    free=$*
  done
}

make_secrets() {
  in_api owners | awk '{ print $3 }' | sort -u | while read -r name; do
    has_secret "shop_$name" && continue
    case $name in
      ADMIN_EMAIL) given=${ADMIN_EMAIL:-} ;;
      ADMIN_PASSWORD) given=${ADMIN_PASSWORD:-} ;;
      *) given= ;;
    esac
    if [ -n "$given" ]; then printf %s "$given"; else in_api make "$name" </dev/null; fi | keep "shop_$name"
  done
  # Without a mail server of your own, the stack's mailbox.
  has_secret shop_SMTP_URL_1 || printf %s "${SMTP_URL:-smtp://mailbox:1025}" | keep shop_SMTP_URL_1
  has_secret shop_TLS_CERT_1 && has_secret shop_TLS_KEY_1 && return
  if [ -n "${TLS_CERT_FILE-}" ]; then
    keep shop_TLS_CERT_1 <"$TLS_CERT_FILE"
    keep shop_TLS_KEY_1 <"${TLS_KEY_FILE:?}"
  else
    pair=$(docker run --rm --network none --entrypoint sh "$images-nginx:$version" -c \
      'sh /shop/nginx/certificate.sh /tmp/tls "$@" && cat /tmp/tls/cert.pem /tmp/tls/key.pem' - ${CERT_NAMES:-localhost 127.0.0.1})
    printf '%s\n' "$pair" | sed -n '/BEGIN CERT/,/END CERT/p' | keep shop_TLS_CERT_1
    printf '%s\n' "$pair" | sed -n '/BEGIN .*KEY/,/END .*KEY/p' | keep shop_TLS_KEY_1
  fi
}

# Names of the secrets that service $1 has.
secrets_of() { docker service inspect -f '{{range .Spec.TaskTemplate.ContainerSpec.Secrets}}{{.SecretName}} {{end}}' "${STACK}_$1"; }
# The next number for a secret that is replaced: they cannot change.
next_number() { echo $(($(docker secret ls --format '{{.Name}}' | sed -n "s/^$1_//p" | sort -n | tail -n 1) + 1)); }

mail() {
  new=$(next_number shop_SMTP_URL)
  printf %s "${SMTP_URL:?}" | keep "shop_SMTP_URL_$new"
  for name in $(secrets_of alertmanager); do case $name in shop_SMTP_URL_*) old=$name ;; esac; done
  docker service update --quiet --secret-rm "$old" --secret-add "source=shop_SMTP_URL_$new,target=SMTP_URL,uid=65534,gid=65534,mode=0400" \
    "${STACK}_alertmanager" >/dev/null
  say "in use. From now on deploy with SMTP_NUMBER=$new"
}

certificate() {
  old=$(secrets_of nginx)
  new=$(next_number shop_TLS_CERT)
  keep "shop_TLS_CERT_$new" <"$1"
  keep "shop_TLS_KEY_$new" <"$2"
  set -- --secret-add "source=shop_TLS_CERT_$new,target=cert.pem,uid=101,gid=101,mode=0400" \
    --secret-add "source=shop_TLS_KEY_$new,target=key.pem,uid=101,gid=101,mode=0400"
  for name in $old; do set -- --secret-rm "$name" "$@"; done
  docker service update --quiet "$@" "${STACK}_nginx" >/dev/null
  say "in use. From now on deploy with TLS_NUMBER=$new"
}

# stack.yml as `docker stack deploy` understands it, with service $1 alone.
alone() {
  docker stack config -c "$file" | awk -v wanted="$1:" '
    /^[^ ]/ { section = $1 }
    section == "services:" && /^  [^ ]/ { name = $1 }
    section != "services:" || $1 == "services:" || name == wanted'
}

# A swarm updates services side by side, and each node's Redis is a service of its own: by itself it would restart all three at once.
deploy() {
  case " $* " in *' --prune '*) die 'without --prune, which would remove all that is not in the part at hand: docker stack deploy --prune afterwards' ;; esac
  if docker service inspect "${STACK}_redis-1" >/dev/null 2>&1; then
    for number in 1 2 3; do
      for name in "sentinel-$number" "redis-$number"; do
        # Returns when the new one is healthy and has stayed so for the time of `monitor`: in step with its master by then.
        alone "$name" | docker stack deploy --quiet --detach=false "$@" -c - "$STACK" >/dev/null || die "$name did not become healthy"
        say "${STACK}_$name is up to date"
      done
    done
  fi
  docker stack deploy "$@" -c "$file" "$STACK"
}

users_container() { docker ps -q -f "label=com.docker.swarm.service.name=${STACK}_users" -f status=running | head -n 1; }

# Runs redis/backup.sh with the rest of the arguments once on the node with data label $1, whose volumes it has.
backup_on() {
  number=$1
  shift
  job=$STACK-backup-$number
  docker service rm "$job" >/dev/null 2>&1 || true
  docker service create --detach --quiet --name "$job" --mode replicated-job --restart-condition none \
    --constraint "node.labels.shop-data==$number" --mount "type=volume,source=${STACK}_backups,target=/backups" \
    --mount "type=volume,source=${STACK}_redis-$number,target=/restore/redis-$number" \
    --mount "type=volume,source=${STACK}_sentinel-$number,target=/restore/sentinel-$number" \
    --entrypoint sh "$(image_of redis-1)" /shop/redis/backup.sh "$@" >/dev/null 2>&1
  wait_for 120 "the node with label shop-data=$number" ended "$job"
  docker service logs --raw "$job" 2>&1
  state=$(docker service ps --format '{{.CurrentState}}' "$job" | head -n 1)
  docker service rm "$job" >/dev/null
  case $state in Complete*) ;; *) die "backup.sh $1 on the node with label shop-data=$number: $state" ;; esac
}
image_of() { docker service inspect -f '{{.Spec.TaskTemplate.ContainerSpec.Image}}' "${STACK}_$1"; }
ended() { docker service ps --format '{{.CurrentState}}' "$1" | grep -qE '^(Complete|Failed|Rejected)'; }
# shellcheck disable=SC2068 # a list of services
stopped() { ! docker service ps --format '{{.CurrentState}}' $@ | grep -qE '^(Running|Starting|Preparing)'; }
# Seconds, whom we wait for, and what has to become true.
wait_for() {
  until_s=$(($(date +%s) + $1)) whom=$2
  shift 2
  until "$@"; do
    [ "$(date +%s)" -lt "$until_s" ] || die "waited too long for $whom. What was stopped is started by: docker stack deploy -c stack.yml $STACK"
    sleep 1
  done
}

restore() {
  # Checked before anything is stopped.
  backup_on 1 verify "$1"
  names='' stop='' start=''
  # The services too: they remember who was the master.
  for name in users products purchases sentinel-1 sentinel-2 sentinel-3 redis-1 redis-2 redis-3; do
    replicas=$(docker service inspect -f '{{.Spec.Mode.Replicated.Replicas}}' "${STACK}_$name")
    # None is what a restore leaves that was broken off.
    if [ "$replicas" = 0 ]; then case $name in *-*) replicas=1 ;; *) replicas=${SERVICE_REPLICAS:-3} ;; esac; fi
    names="$names ${STACK}_$name" stop="$stop ${STACK}_$name=0" start="$start ${STACK}_$name=$replicas"
  done
  say 'stopping services, Sentinels and Redis'
  # shellcheck disable=SC2086 # lists, here and below
  docker service scale --detach $stop >/dev/null
  # shellcheck disable=SC2086
  wait_for 120 "all of$names to stop" stopped $names
  backup_on 2 empty
  backup_on 3 empty
  backup_on 1 restore "$1"
  say 'starting'
  # shellcheck disable=SC2086
  docker service scale --detach $start >/dev/null
  say 'the shop is back when /healthz says so'
}

case ${1-} in
  prepare) label_nodes; make_secrets ;;
  password) for name in ADMIN_EMAIL ADMIN_PASSWORD; do printf '%s=%s\n' "$name" "$(docker exec "$(users_container)" cat "/run/secrets/$name")"; done ;;
  certificate) certificate "${2:?the certificate, PEM}" "${3:?its key, PEM}" ;;
  mail) mail ;;
  deploy) shift; deploy "$@" ;;
  list) backup_on "${2:-1}" list ;;
  restore) restore "${2:?a name of list, or latest}" ;;
  *) sed -n '2,/^set -/{s/^# \{0,1\}//p}' "$0"; exit 64 ;;
esac
