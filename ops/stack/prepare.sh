# `ops/stack.sh prepare`, and the commands that change a setting and deploy it: `certificate`, `mail`, `memory`. Read by ops/stack.sh with `.`.
# shellcheck shell=sh disable=SC2154 # uses common.sh

prepare() {
  if [ ! -f "$STACK_ENV" ]; then
    cp "$(dirname "$here")/stack.env.example" "$STACK_ENV"
    die "$STACK_ENV was created: fill in its empty settings, then run this again"
  fi
  smtp_url=${SMTP_URL-} admin_email=${ADMIN_EMAIL-} admin_password=${ADMIN_PASSWORD-}
  load_settings
  for name in SHOP_URL HEARTBEAT_URL ALERT_EMAIL_FROM; do
    eval "[ -n \"\${$name-}\" ]" || die "$STACK_ENV: $name is empty. Give it, or the value none"
  done
  has_secret shop_SMTP_URL_1 || [ -n "$smtp_url" ] ||
    die 'SMTP_URL is not set: without a mail server no alert reaches a person. SMTP_URL=smtp://user:password@host ops/stack.sh prepare, or SMTP_URL=none'
  check_nodes
  check_network
  label_nodes
  make_secrets
}

# Engine, managers, clocks, kernel settings. Wrong clocks and engines stop here; the rest is a warning.
check_nodes() {
  managers=$(docker node ls --filter role=manager -q | wc -l)
  case $managers in
    3 | 5 | 7) ;;
    *) say "WARNING: $managers managers. With 3 (or 5) the swarm itself survives the loss of one: docker node promote NODE" ;;
  esac
  for node in $(docker node ls -q); do
    version=$(docker node inspect -f '{{.Description.Engine.EngineVersion}}' "$node")
    [ "${version%%.*}" -ge 24 ] || die "$(docker node inspect -f '{{.Description.Hostname}}' "$node") runs Docker $version; 24 or newer is needed"
  done
  job=$STACK-look
  docker service rm "$job" >/dev/null 2>&1 || true
  began_s=$(date +%s)
  docker service create --detach --quiet --name "$job" --mode global --restart-condition none --hostname '{{.Node.Hostname}}' \
    --entrypoint sh "$SHOP_IMAGES-redis:$REDIS_VERSION" -c 'echo "LOOK $(hostname) $(date +%s) $(cat /proc/sys/vm/overcommit_memory) $(sed "s/.*\[\(.*\)\].*/\1/" /sys/kernel/mm/transparent_hugepage/enabled)"' >/dev/null
  wait_for 120 'a look at every node' all_ended "$job"
  docker service logs --raw "$job" 2>/dev/null | warn_of_machines "$began_s" "$(date +%s)"
  docker service rm "$job" >/dev/null
}

# Machines that answer the managers.
count_machines() { for node in $(docker node ls -q); do docker node inspect -f '{{.Status.State}}' "$node"; done | grep -c '^ready'; }

# Whether the job $1 has run on every machine that answers.
all_ended() {
  states=$(docker service ps --format '{{.CurrentState}}' "$1")
  [ "$(printf '%s\n' "$states" | grep -cE '^(Complete|Failed|Rejected)')" -ge "$(count_machines)" ] &&
    ! printf '%s\n' "$states" | grep -qvE '^(Complete|Failed|Rejected)'
}

# Reads "LOOK NAME CLOCK OVERCOMMIT HUGE_PAGES" of each machine. The clock has to lie between $1 and $2, seconds on this machine's clock.
warn_of_machines() {
  while read -r mark name seconds overcommit huge; do
    [ "$mark" = LOOK ] || continue
    if [ "$seconds" -lt $(($1 - 2)) ] || [ "$seconds" -gt $(($2 + 2)) ]; then
      say "WARNING: $name: its clock differs from that of this machine: synchronise time (chrony)"
    fi
    [ "$overcommit" = 1 ] || say "WARNING: $name: vm.overcommit_memory is $overcommit, and a snapshot can fail. There: sysctl -w vm.overcommit_memory=1"
    [ "$huge" != always ] || say "WARNING: $name: transparent huge pages are 'always', and Redis gets slower. There: echo madvise >/sys/kernel/mm/transparent_hugepage/enabled"
  done
}

# Whether the containers of all machines reach each other over a network with the stack's own encryption. It fails where a firewall drops 4789/udp or
# ESP, and where the kernel has no ESP: then every service would start, and none would reach another machine.
check_network() {
  probe=$STACK-probe
  remove_probe
  if [ "${NETWORK_ENCRYPTION:-true}" = true ]; then set -- --opt encrypted; else set --; fi
  docker network create --driver overlay "$@" "$probe" >/dev/null
  docker service create --detach --quiet --name "$probe" --no-healthcheck --mode global --endpoint-mode dnsrr --network "$probe" \
    --entrypoint redis-server "$SHOP_IMAGES-redis:$REDIS_VERSION" --protected-mode no --save '' --dir /tmp >/dev/null
  wait_for 120 'a container on every machine' runs_everywhere "$probe"
  # shellcheck disable=SC2016 # for the shell in the container
  docker service create --detach --quiet --name "$probe-ask" --mode global --restart-condition none --network "$probe" \
    --hostname '{{.Node.Hostname}}' --entrypoint sh "$SHOP_IMAGES-redis:$REDIS_VERSION" -c '
      for try in 1 2 3 4 5; do
        all=0 answered=0
        for address in $(getent ahostsv4 "tasks.$1" | cut -d" " -f1 | sort -u); do
          all=$((all + 1))
          [ "$(timeout 2 redis-cli -h "$address" PING 2>/dev/null)" != PONG ] || answered=$((answered + 1))
        done
        [ "$answered" -lt "$2" ] || break
        sleep 1
      done
      echo "REACH $(hostname) $answered $2"' - "$probe" "$(count_machines)" >/dev/null
  wait_for 120 'every machine to ask the others' all_ended "$probe-ask"
  unreached=$(docker service logs --raw "$probe-ask" 2>/dev/null | awk '$1 == "REACH" && $3 < $4 { print $2 " reaches " $3 " of " $4 }')
  remove_probe
  [ -z "$unreached" ] || die "$unreached
Containers do not reach each other over the network between the machines. Open 7946/tcp, 7946/udp, 4789/udp and IP protocol 50 (ESP) between them. A
kernel without ESP (zgrep INET_ESP /proc/config.gz, or grep INET_ESP /boot/config-*) can only do without encryption: NETWORK_ENCRYPTION=false in $STACK_ENV"
}
remove_probe() {
  docker service rm "$probe-ask" "$probe" >/dev/null 2>&1 || true
  while docker network inspect "$probe" >/dev/null 2>&1; do docker network rm "$probe" >/dev/null 2>&1 || sleep 1; done
}
# Whether the global service $1 has a running task on every machine that answers.
runs_everywhere() {
  [ "$(docker service ps --format '{{.CurrentState}}' "$1" | grep -c '^Running')" -ge "$(count_machines)" ]
}

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
    [ $# -gt 0 ] || die "no node is left for redis-$number: three nodes are needed for the data"
    docker node update --label-add "shop-data=$number" --label-add shop-holds-data=true "$1" >/dev/null
    say "redis-$number and sentinel-$number run on $(docker node inspect -f '{{.Description.Hostname}}' "$1")"
    shift
    free=$*
  done
}

# The password of Prometheus and Alertmanager, and its hash. A secret cannot be read again, so both are made together.
make_monitoring_password() {
  if has_secret shop_MONITORING_PASSWORD && has_secret shop_MONITORING_PASSWORD_BCRYPT; then return; fi
  for name in shop_MONITORING_PASSWORD shop_MONITORING_PASSWORD_BCRYPT; do
    ! has_secret "$name" || docker secret rm "$name" >/dev/null || die "$name is in use, but the other half of the pair is missing: remove the service that uses it, then prepare again"
  done
  monitoring_password=$(in_api make MONITORING_PASSWORD </dev/null)
  printf %s "$monitoring_password" | in_api make MONITORING_PASSWORD_BCRYPT | create_secret shop_MONITORING_PASSWORD_BCRYPT
  printf %s "$monitoring_password" | create_secret shop_MONITORING_PASSWORD
}

make_secrets() {
  make_monitoring_password
  in_api owners | awk '$3 !~ /^MONITORING_/ { print $3 }' | sort -u | while read -r name; do
    has_secret "shop_$name" && continue
    case $name in
      ADMIN_EMAIL) given=$admin_email ;;
      ADMIN_PASSWORD) given=$admin_password ;;
      *) given= ;;
    esac
    if [ -n "$given" ]; then printf %s "$given"; else in_api make "$name" </dev/null; fi | create_secret "shop_$name"
  done
  # Without a mail server of your own, the stack's mailbox.
  if [ "$smtp_url" = none ]; then smtp_url=; fi
  has_secret shop_SMTP_URL_1 || printf %s "${smtp_url:-smtp://mailbox:1025}" | create_secret shop_SMTP_URL_1
  if has_secret shop_TLS_CERT_1 && has_secret shop_TLS_KEY_1; then return; fi
  if [ -n "${TLS_CERT_FILE-}" ]; then
    create_secret shop_TLS_CERT_1 <"$TLS_CERT_FILE"
    create_secret shop_TLS_KEY_1 <"${TLS_KEY_FILE:?}"
  else
    # shellcheck disable=SC2086 # a list of names
    pair=$(docker run --rm --network none --entrypoint sh "$SHOP_IMAGES-nginx:$SHOP_VERSION" -c \
      'sh /shop/nginx/certificate.sh /tmp/tls "$@" && cat /tmp/tls/cert.pem /tmp/tls/key.pem' - ${CERT_NAMES:-localhost 127.0.0.1})
    printf '%s\n' "$pair" | sed -n '/BEGIN CERT/,/END CERT/p' | create_secret shop_TLS_CERT_1
    printf '%s\n' "$pair" | sed -n '/BEGIN .*KEY/,/END .*KEY/p' | create_secret shop_TLS_KEY_1
  fi
}

mail() {
  new=$(next_number shop_SMTP_URL)
  printf %s "$1" | create_secret "shop_SMTP_URL_$new"
  set_setting SMTP_NUMBER "$new"
  load_settings
  deploy --yes
}

certificate() {
  [ "$(openssl x509 -in "$1" -noout -pubkey)" = "$(openssl pkey -in "$2" -pubout)" ] || die "$2 is not the key of $1"
  openssl x509 -in "$1" -noout -checkend 86400 >/dev/null || die "$1 expires within a day"
  new=$(next_number shop_TLS_CERT)
  create_secret "shop_TLS_CERT_$new" <"$1"
  create_secret "shop_TLS_KEY_$new" <"$2"
  set_setting TLS_NUMBER "$new"
  load_settings
  deploy --yes
}

memory() {
  [ -n "$(bytes_of "$1")" ] || die "'$1' is not a size: write it like 512mb or 1gb"
  set_setting REDIS_MAXMEMORY "$1"
  set_setting REDIS_MEMORY_LIMIT "$(memory_limit_of "$1")"
  load_settings
  deploy --yes
}
