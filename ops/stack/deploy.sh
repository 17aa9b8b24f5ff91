# `ops/stack.sh deploy` and `rollback`. What was deployed is recorded in the swarm itself, as Docker configs STACK_deployed_N, so that every manager
# compares with the same; what was attempted since then, as STACK_attempted_N. Read by ops/stack.sh with `.`.
# shellcheck shell=sh disable=SC2154 # uses common.sh

# Names of the records of what was $1 (deployed, or attempted since then without success), the newest first.
recorded() { docker config ls --format '{{.Name}}' | sed -n "s/^${STACK}_$1_//p" | sort -rn | sed "s/^/${STACK}_$1_/"; }
content_of() { docker config inspect -f '{{printf "%s" .Spec.Data}}' "$1"; }
# Records file $2 as the newest of what was $1.
record() {
  newest=$(recorded "$1" | head -n 1)
  newest=${newest##*_}
  docker config create "${STACK}_$1_$((${newest:-0} + 1))" "$2" >/dev/null
}
# Records file $1 as deployed. Keeps five older records, and removes the attempts.
record_deployed() {
  record deployed "$1"
  { recorded deployed | tail -n +7; recorded attempted; } | while read -r old; do docker config rm "$old" >/dev/null; done
}

# The rendered stack in file $1 with only service $2.
only_service() {
  awk -v wanted="$2:" '
    /^[^ ]/ { section = $1 }
    section == "services:" && /^  [^ ]/ { name = $1 }
    section != "services:" || $1 == "services:" || name == wanted' "$1"
}
# The lines of service $2 in the rendered stack in file $1; and those that no service has to itself: networks, secrets, volumes.
service_lines() {
  awk -v wanted="$2:" '
    /^[^ ]/ { section = $1; name = "" }
    section == "services:" && /^  [^ ]/ { name = $1 }
    section == "services:" && name == wanted' "$1"
}
shared_lines() { awk '/^[^ ]/ { section = $1 } section != "services:" && section !~ /^x-/' "$1"; }
services_in() { awk '/^[^ ]/ { section = $1 } section == "services:" && /^  [a-z]/ { sub(":", "", $1); print $1 }' "$1"; }
images_in() { sed -n 's/^    image: //p' "$1" | sort -u; }
has_image() { docker image inspect "$1" >/dev/null 2>&1 || docker manifest inspect "$1" >/dev/null 2>&1 || docker pull -q "$1" >/dev/null 2>&1; }
# The highest version among the shop's images in file $1, and the numbers of the certificate and the mail server.
version_in() { images_in "$1" | sed -n 's/.*-api:\(.*\)$/\1/p' | head -n 1; }
number_in() { grep -o "shop_$2_[0-9]*" "$1" | grep -o '[0-9]*$' | sort -n | tail -n 1; }

# The risks of deploying file $2 in place of file $1, one on each line.
risks() {
  old=$(version_in "$1") new=$(version_in "$2")
  [ "$(printf '%s\n%s\n' "$old" "$new" | sort -V | tail -n 1)" = "$new" ] || echo "the version goes backwards: $old -> $new"
  for name in TLS_CERT SMTP_URL; do
    [ "$(number_in "$2" $name)" -ge "$(number_in "$1" $name)" ] || echo "an older $name: $(number_in "$1" $name) -> $(number_in "$2" $name)"
  done
  for image in $(images_in "$2"); do has_image "$image" || echo "the image $image is neither here nor in a registry"; done
}

# The secrets that file $1 needs and the swarm does not have.
missing_secrets() {
  awk '/^[^ ]/ { section = $1 } section == "secrets:" && $1 == "name:" { print $2 }' "$1" | while read -r name; do
    has_secret "$name" || echo "$name"
  done
}

# What changes from file $1 to file $2: service by service, then what they share.
differences() {
  for name in $(services_in "$2"); do
    service_lines "$1" "$name" >"$scratch/old" && service_lines "$2" "$name" >"$scratch/new"
    show_difference "$name"
  done
  shared_lines "$1" >"$scratch/old" && shared_lines "$2" >"$scratch/new"
  show_difference 'networks, secrets, volumes'
}
show_difference() {
  cmp -s "$scratch/old" "$scratch/new" || { say "$1:"; diff "$scratch/old" "$scratch/new" | sed -n 's/^< */  - /p; s/^> */  + /p' >&2; }
}

deploy() {
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  rendered_stack >"$scratch/wanted.yml"
  missing=$(missing_secrets "$scratch/wanted.yml" | paste -sd ' ' -)
  [ -z "$missing" ] || die "secrets are missing: $missing. Nothing was changed: ops/stack.sh prepare makes them"
  last=$(recorded deployed | head -n 1)
  if [ -n "$last" ]; then content_of "$last" >"$scratch/last.yml"; else cp "$scratch/wanted.yml" "$scratch/last.yml"; fi
  differences "$scratch/last.yml" "$scratch/wanted.yml"
  risks "$scratch/last.yml" "$scratch/wanted.yml" >"$scratch/risks"
  if [ -s "$scratch/risks" ]; then
    while read -r risk; do say "NOT SAFE: $risk"; done <"$scratch/risks"
    [ "${1-}" = --yes ] || die 'nothing was changed. With --yes it is deployed in spite of this.'
  fi
  apply "$scratch/wanted.yml"
}

# A swarm updates services side by side, and each node's Redis is a service of its own: by itself it would restart all three at once.
apply() {
  wanted=$1
  record attempted "$wanted"
  if docker service inspect "${STACK}_redis-1" >/dev/null 2>&1; then
    for kind in sentinel redis; do
      for number in $(numbers_master_last "$kind"); do replace_node "$kind-$number"; done
    done
  fi
  # Without --detach it would wait for one service after the other, each for its whole `monitor` time: 4 min where nothing changes.
  docker stack deploy --prune --with-registry-auth --detach=true -c "$wanted" "$STACK" >/dev/null || die 'docker stack deploy failed, see above'
  deployed_s=$(date +%s)
  failed=
  for name in $(services_in "$wanted"); do
    wait_for 600 "$name (docker service ps ${STACK}_$name --no-trunc)" is_settled "$name" "$deployed_s"
    case $(update_state "$name") in rollback* | paused) failed="$failed $name" ;; esac
  done
  [ -z "$failed" ] || die "ROLLED BACK:$failed (docker service ps ${STACK}_NAME --no-trunc says why). The other services run the new version: repair it and deploy again, or ops/stack.sh rollback"
  record_deployed "$wanted"
  say 'deployed: every service runs what stack.env says'
}

update_state() { docker service inspect -f '{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}' "${STACK}_$1"; }

# A deployment clears the state of all services; the managers set it again, within a second or so, where there is something to update.
settle_s=10
# Whether the deployment of service $1 at $2 (seconds since 1970) has ended, well or not.
is_settled() {
  is_complete "$1" && { [ -n "$(update_state "$1")" ] || [ $(($(date +%s) - $2)) -ge "$settle_s" ]; }
}

# Whether service $1 runs as many tasks as it should (or more: the swarm still counts those of a machine that died), and no update is under way.
is_complete() {
  case $(update_state "$1") in updating | rollback_started) return 1 ;; esac
  docker service ls --filter "name=${STACK}_$1" --format '{{.Name}} {{.Replicas}}' | awk -v name="${STACK}_$1" '
    $1 == name { split($2, count, "/"); found = count[1] + 0 >= count[2] + 0 } END { exit !found }'
}

# 1 2 3, that of the present master last.
numbers_master_last() {
  [ "$1" = redis ] || { echo 1 2 3; return; }
  master=$(cluster master | sed -n 's/^redis-\([123]\):.*/\1/p')
  for number in 1 2 3; do [ "$number" = "$master" ] || echo "$number"; done
  echo "$master"
}

# Whether service $1 has the same lines in $wanted as in all that it may run now: what was deployed last, and what was attempted since.
is_unchanged() {
  service_lines "$wanted" "$1" >"$scratch/new"
  possible="$(recorded deployed | head -n 1) $(recorded attempted)"
  [ "$possible" != ' ' ] || return 1
  for name in $possible; do
    content_of "$name" >"$scratch/possible.yml"
    service_lines "$scratch/possible.yml" "$1" | cmp -s - "$scratch/new" || return 1
  done
}

# One Redis node or Sentinel, if anything about it changes, and only while the rest is whole.
replace_node() {
  ! is_unchanged "$1" || return 0
  only_service "$wanted" "$1" >"$scratch/one.yml"
  cluster wait 60 >&2 || die "$1 was not touched: the cluster is not whole"
  case $1 in redis-*) cluster move "$1" >&2 || die "$1 is the master, and no replica took over" ;; esac
  docker stack deploy --quiet --with-registry-auth --detach=false -c "$scratch/one.yml" "$STACK" >/dev/null || true
  wait_for 180 "$1" is_complete "$1"
  case $(update_state "$1") in
    rollback* | paused) die "ROLLED BACK: $1. Nothing after it was changed." ;;
  esac
  cluster wait 120 >&2 || die "$1 is not in step after 120 s. Nothing after it was changed."
  say "$1 is up to date"
}

# Deploys the newest of what was deployed that differs from what stack.env says now.
rollback() {
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  rendered_stack >"$scratch/now.yml"
  earlier=
  for name in $(recorded deployed); do
    content_of "$name" >"$scratch/earlier.yml"
    cmp -s "$scratch/now.yml" "$scratch/earlier.yml" || { earlier=$name; break; }
  done
  [ -n "$earlier" ] || die 'nothing else was deployed before'
  differences "$scratch/now.yml" "$scratch/earlier.yml"
  cp "$scratch/earlier.yml" "$scratch/wanted.yml"
  apply "$scratch/wanted.yml"
  say "back at $(version_in "$scratch/wanted.yml"). $STACK_ENV still names what was taken back: change it before the next deployment"
}
