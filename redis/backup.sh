#!/bin/sh
# Backups of the shop's data, taken from a replica so that they do not slow the master down:
#
#   backup.sh schedule       takes one every BACKUP_INTERVAL_S, the first at once unless the last is younger
#   backup.sh now            takes one now
#   backup.sh list           lists them, oldest first
#   backup.sh verify FILE    checks that it matches its checksum and can be read
#   backup.sh fresh          exits 0 if the last one is younger than two intervals
#   backup.sh restore FILE   puts FILE (a path, a name in BACKUP_DIR, or `latest`) where the first Redis node will load it, and empties the
#                            others and the Sentinels, all under RESTORE_DIR. The shop must be stopped: redis/restore.sh does all of it
#   backup.sh empty          only empties what is under RESTORE_DIR (other nodes of a swarm)
#
# Each backup is a snapshot (RDB) of one moment, read through once by redis-check-rdb, with its SHA-256 beside it. Kept are the
# BACKUP_KEEP latest and the last of each of BACKUP_KEEP_DAYS days. BACKUP_DIR can be copied elsewhere at any time: a file appears whole.
# metrics/*.prom there are for node_exporter's textfile collector.
#
# Environment: BACKUP_DIR, SENTINELS="host:port ...", MASTER_NAME, SECRETS_DIR with REDIS_PASSWORD_BACKUP and SENTINEL_PASSWORD_BACKUP, or these
# two themselves; RESTORE_DIR.
set -eu
umask 027
BACKUP_DIR=${BACKUP_DIR:-/backups}
BACKUP_INTERVAL_S=${BACKUP_INTERVAL_S:-3600}
RESTORE_DIR=${RESTORE_DIR:-/restore}
BACKUP_KEEP=${BACKUP_KEEP:-24}
BACKUP_KEEP_DAYS=${BACKUP_KEEP_DAYS:-14}
MASTER_NAME=${MASTER_NAME:-shop}

say() { printf '%s backup: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"; }
secret() { if [ -n "${SECRETS_DIR-}" ]; then cat "$SECRETS_DIR/$1"; else eval "printf %s \"\${$1:?}\""; fi; }
backups() { find "$BACKUP_DIR" -maxdepth 1 -name 'shop-*.rdb' | sort; }

# Sends the Sentinels, one after the other, their command $1 about the master. Prints the first host:port that the awk program $2 finds in a reply.
ask_sentinels() {
  for sentinel in $SENTINELS; do
    found=$(REDISCLI_AUTH=$(secret SENTINEL_PASSWORD_BACKUP) timeout 2 redis-cli -h "${sentinel%:*}" -p "${sentinel##*:}" --user backup \
      SENTINEL "$1" "$MASTER_NAME" 2>/dev/null | tr -d '\r' | awk "$2") || true
    case $found in ?*:[0-9]*) printf '%s' "$found"; return ;; esac
  done
  return 1
}

# A replica that is in step with the master, as host:port: by the first Sentinel that knows one.
replica_in_step() {
  # shellcheck disable=SC2016 # for awk
  ask_sentinels REPLICAS '
    field == "ip" { ip = $0 }
    field == "port" { port = $0 }
    field == "flags" { flags = $0 }
    field == "master-link-status" && $0 == "ok" && flags == "slave" && !replica { replica = ip ":" port }
    { field = $0 }
    END { print replica }'
}

# The master, as host:port: by the first Sentinel that knows it.
master_node() {
  # shellcheck disable=SC2016 # for awk
  ask_sentinels GET-MASTER-ADDR-BY-NAME 'NR == 1 { host = $0 } NR == 2 { print host ":" $0 }'
}

is_readable() { redis-check-rdb "$1" >"$BACKUP_DIR/.check" 2>&1 && grep -q 'RDB looks OK' "$BACKUP_DIR/.check"; }

take_backup() {
  node=$(replica_in_step || master_node) || { say 'no Sentinel names a Redis node'; return 1; }
  name=shop-$(date -u +%Y%m%dT%H%M%SZ).rdb
  part=$BACKUP_DIR/.part
  if ! REDISCLI_AUTH=$(secret REDIS_PASSWORD_BACKUP) timeout 600 redis-cli -h "${node%:*}" -p "${node##*:}" --user backup --rdb "$part" >"$BACKUP_DIR/.log" 2>&1; then
    say "$node did not send a snapshot: $(tail -n 1 "$BACKUP_DIR/.log")"
    return 1
  fi
  if ! is_readable "$part"; then
    say "the snapshot of $node cannot be read: $(tail -n 1 "$BACKUP_DIR/.check")"
    return 1
  fi
  (cd "$BACKUP_DIR" && sum=$(sha256sum <.part) && printf '%s  %s\n' "${sum%% *}" "$name" >"$name.sha256" && mv .part "$name")
  keys=$(sed -n 's/.*\[info\] \([0-9]*\) keys read.*/\1/p' "$BACKUP_DIR/.check")
  say "$name from $node, $(wc -c <"$BACKUP_DIR/$name") bytes, $keys keys"
  write_metrics backup <<METRICS
# HELP shop_backup_last_success_timestamp_seconds When the last backup that could be read was taken.
# TYPE shop_backup_last_success_timestamp_seconds gauge
shop_backup_last_success_timestamp_seconds $(date +%s)
# HELP shop_backup_size_bytes Its size.
# TYPE shop_backup_size_bytes gauge
shop_backup_size_bytes $(wc -c <"$BACKUP_DIR/$name")
# HELP shop_backup_keys How many keys it contains.
# TYPE shop_backup_keys gauge
shop_backup_keys ${keys:-0}
METRICS
  delete_old_backups
}

# Writes stdin to $1.prom, for the textfile collector of node_exporter, which runs as another user.
write_metrics() {
  mkdir -p "$BACKUP_DIR/metrics"
  chmod 755 "$BACKUP_DIR" "$BACKUP_DIR/metrics"
  cat >"$BACKUP_DIR/metrics/.new"
  chmod 644 "$BACKUP_DIR/metrics/.new"
  mv "$BACKUP_DIR/metrics/.new" "$BACKUP_DIR/metrics/$1.prom"
}

# Deletes what is neither among the latest nor the last of one of the latest days.
delete_old_backups() {
  backups | sort -r | awk -v keep="$BACKUP_KEEP" -v days="$BACKUP_KEEP_DAYS" '
    { day = substr($0, length($0) - 19, 8) }
    NR <= keep { seen[day] = 1; next }
    !(day in seen) && ++kept <= days { seen[day] = 1; next }
    { print }' | while read -r old; do
    rm -f "$old" "$old.sha256"
    say "deleted ${old##*/}: BACKUP_KEEP and BACKUP_KEEP_DAYS"
  done
}

# How old the last one is; older than any if there is none.
age_s() {
  last=$(backups | tail -n 1)
  if [ -n "$last" ]; then echo $(($(date +%s) - $(stat -c %Y "$last"))); else date +%s; fi
}

schedule() {
  # Written before the first backup: an alert must also fire when there never was one.
  write_metrics schedule <<METRICS
# HELP shop_backup_interval_seconds How often a backup is taken.
# TYPE shop_backup_interval_seconds gauge
shop_backup_interval_seconds $BACKUP_INTERVAL_S
# HELP shop_backup_schedule_started_timestamp_seconds When this schedule was started.
# TYPE shop_backup_schedule_started_timestamp_seconds gauge
shop_backup_schedule_started_timestamp_seconds $(date +%s)
METRICS
  # The shop is still starting. From the master only if there is no replica for 30 s: Sentinels list that copy as a replica ever after.
  tries=0
  until replica_in_step || { [ $tries -ge 30 ] && master_node; }; do
    tries=$((tries + 1))
    sleep 1 & wait $!
  done >/dev/null
  while :; do
    age_s=$(age_s)
    if [ "$age_s" -lt "$BACKUP_INTERVAL_S" ]; then
      sleep $((BACKUP_INTERVAL_S - age_s)) & wait $!
    elif ! take_backup; then
      sleep 10 & wait $!
    fi
  done
}

# Sets file to the path of backup $1, if that is what it was when it was taken.
verify() {
  file=$1
  [ "$file" != latest ] || file=$(backups | tail -n 1)
  [ -f "$file" ] || file=$BACKUP_DIR/$file
  [ -f "$file" ] || { say "there is no backup $1"; exit 1; }
  if [ -f "$file.sha256" ]; then
    (cd "$(dirname "$file")" && sha256sum -c --quiet "${file##*/}.sha256") || { say "$file does not match its checksum"; exit 1; }
  fi
  is_readable "$file" || { say "$file cannot be read: $(tail -n 1 "$BACKUP_DIR/.check")"; exit 1; }
  say "${file##*/} is valid"
}

# With `appendonly yes` Redis silently ignores a snapshot, also where there is no append-only file: it starts with 0 keys. redis/entry.sh makes
# the snapshot the base of a new append-only file; everything else is deleted here, also what the Sentinels know of the last master.
restore() {
  verify "$1"
  empty
  cp "$file" "$RESTORE_DIR/redis-1/dump.rdb.part"
  mv "$RESTORE_DIR/redis-1/dump.rdb.part" "$RESTORE_DIR/redis-1/dump.rdb"
  say "${file##*/} is in place for redis-1"
}

empty() {
  if [ -S "$RESTORE_DIR/control.sock" ]; then
    say "a shop runs in $RESTORE_DIR: stop it first (npm run shop -- stop; if none runs, delete control.sock there)"
    exit 1
  fi
  for dir in "$RESTORE_DIR"/redis-[0-9]* "$RESTORE_DIR"/sentinel-[0-9]*; do
    [ -d "$dir" ] || continue
    find "$dir" -mindepth 1 -delete
    say "${dir##*/} is empty"
  done
}

trap 'exit 0' TERM INT
case ${1-} in
  schedule) schedule ;;
  now) take_backup ;;
  list) backups | while read -r file; do printf '%s  %s bytes\n' "${file##*/}" "$(wc -c <"$file")"; done ;;
  fresh) [ "$(age_s)" -lt $((2 * BACKUP_INTERVAL_S)) ] ;;
  verify) verify "${2:?which backup?}" ;;
  empty) empty ;;
  restore) restore "${2:?which backup? a name of backup.sh list, or latest}" ;;
  *) sed -n '2,/^set -/{s/^# \{0,1\}//p}' "$0"; exit 64 ;;
esac
