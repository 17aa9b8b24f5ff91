#!/bin/sh
# Renders the configuration of Prometheus or Alertmanager and becomes it, as a local process and as a container alike:
#
#   monitoring/entry.sh prometheus
#   monitoring/entry.sh alertmanager
#
# With `render` behind it, it only renders.
#
# Environment of both: DATA_DIR (rendered files and data), LISTEN (address:port), EXTERNAL_URL (where a person reaches it: links in
# mails), PROMETHEUS and ALERTMANAGER (address:port), RUNBOOKS and DASHBOARD (URLs for links). Optional: MONITORING_PASSWORD_BCRYPT, the hash of
# the password that both want of the user `monitoring`, and for prometheus MONITORING_PASSWORD itself, to ask Alertmanager; each also as
# NAME_FILE. Without them both answer every client that reaches LISTEN.
# prometheus: SERVICES, REDIS_NODES and SENTINELS (names, separated by spaces): what must be there, and in containers also where to find it.
#   TARGETS_DIR (folder of api.json, redis.json, sentinel.json, nginx.json) where every process has an address of its own. REDIS_EXPORTER,
#   NGINX_EXPORTER, NODE_EXPORTER (address:port). Optional: SCRAPE_INTERVAL, MACHINES (host names of a swarm's machines), REDIS_MEMORY_LIMIT
#   (of a Redis container, such as 1G), BACKUPS=true (there must be a schedule of backups).
# alertmanager: ALERT_EMAIL_TO (or else ALERT_EMAIL_TO_FILE), ALERT_EMAIL_FROM, SMTP_URL (smtp://[user:password@]host[:port], smtps:// for
#   TLS from the first byte) or SMTP_URL_FILE. Optional: HEARTBEAT_URL (called every minute while monitoring lives), GROUP_WAIT, GROUP_INTERVAL.
# Needs sh, sed and awk.
# shellcheck disable=SC2034,SC2153,SC2154 # templates, and the parts read with `.`, use these variables
set -eu
umask 077 # a mail password may be written here
here=$(cd "$(dirname "$0")" && pwd)
: "${DATA_DIR:?}" "${LISTEN:?}" "${EXTERNAL_URL:?}" "${PROMETHEUS:?}" "${ALERTMANAGER:?}" "${RUNBOOKS:?}" "${DASHBOARD:?}"
mkdir -p "$DATA_DIR/data"

. "$here/../ops/render.sh"
# a", "b from "a b": the inside of a list of strings
quoted() { between=''; for each in "$@"; do printf "%s%s" "$between" "$each"; between='", "'; done; }
# The program $1, or as Debian calls it, $2.
program() { if command -v "$1" >/dev/null; then echo "$1"; else echo "$2"; fi; }

# Rules that name what must exist (see rules/alerts-services.yml): one constant series for each part. And when Prometheus was started: alerts
# that wait while the shop starts must know it before Prometheus has scraped itself for the first time.
expected() {
  constant() { printf '      - { record: expected:%s, labels: { %s }, expr: vector(%s) }\n' "$1" "$2" "${3-1}"; }
  printf 'groups:\n  - name: expected\n    rules:\n'
  printf '      - { record: prometheus:start_time:seconds, expr: vector(%s) }\n' "$(date +%s)"
  for each in ${SERVICES-}; do constant service:info "service: ${each#tasks.}"; done
  for each in ${REDIS_NODES-}; do constant node:info "job: redis, instance: \"$each\""; done
  for each in ${SENTINELS-}; do constant node:info "job: sentinel, instance: \"$each\""; done
  for each in ${MACHINES-}; do constant machine:info "nodename: \"$each\""; done
  # A missing Nginx has alerts of its own.
  for each in redis sentinel redis-exporter nginx-exporter node prometheus alertmanager; do constant job:info "job: $each"; done
  [ "${BACKUPS-}" != true ] || constant backup:info ''
  [ -z "${REDIS_MEMORY_LIMIT-}" ] || constant redis_memory_limit:bytes '' "$(printf %s "$REDIS_MEMORY_LIMIT" | awk '
    { unit = tolower(substr($0, length($0))); print $0 * (unit == "g" ? 1024 ^ 3 : unit == "m" ? 1024 ^ 2 : unit == "k" ? 1024 : 1) }')"
}

# Sets web_options: the password that this program wants, if any. (Basic authentication: curl -u monitoring:PASSWORD.)
# https://prometheus.io/docs/prometheus/latest/configuration/https/
want_password() {
  web_options=
  [ -z "${MONITORING_PASSWORD_BCRYPT_FILE-}" ] || MONITORING_PASSWORD_BCRYPT=$(cat "$MONITORING_PASSWORD_BCRYPT_FILE")
  [ -n "${MONITORING_PASSWORD_BCRYPT-}" ] || return 0
  printf 'basic_auth_users:\n  monitoring: "%s"\n' "$MONITORING_PASSWORD_BCRYPT" >"$DATA_DIR/web.yml"
  web_options=--web.config.file=$DATA_DIR/web.yml
}

# The rules in file $1, in which each alert has the URL of its runbook, the page of the same name, behind its action.
link_runbooks() {
  awk -v runbooks="$RUNBOOKS" '$2 == "alert:" { name = $3 } { print } /^          action: / { print "          runbook_url: " runbooks "/" name }' "$1"
}

start_prometheus() {
  : "${REDIS_EXPORTER:?}" "${NGINX_EXPORTER:?}" "${NODE_EXPORTER:?}"
  SCRAPE_INTERVAL=${SCRAPE_INTERVAL:-5s}
  # A scrape may not take longer than its interval, and a frozen process should be known well before that.
  SCRAPE_TIMEOUT=3s
  SLOW_SCRAPE_INTERVAL=15s
  [ "$SCRAPE_INTERVAL" != 1s ] || SCRAPE_TIMEOUT=900ms SLOW_SCRAPE_INTERVAL=1s
  if [ -n "${TARGETS_DIR-}" ]; then PROCESSES='' CONTAINERS='# '; else PROCESSES='# ' CONTAINERS=''; fi
  TARGETS_DIR=${TARGETS_DIR-}
  USED_SERIES=$(paste -sd '|' "$here/prometheus/used-series.txt")
  mkdir -p "$DATA_DIR/rules"
  rm -f "$DATA_DIR"/rules/*.yml # Prometheus would go on using a rule file that no longer exists here
  expected >"$DATA_DIR/rules/expected.yml"
  # shellcheck disable=SC2086 # lists
  SERVICES=$(quoted ${SERVICES-}) REDIS_NODES=$(quoted ${REDIS_NODES-}) SENTINELS=$(quoted ${SENTINELS-})
  want_password
  WITH_PASSWORD='# ' PASSWORD_FILE=${MONITORING_PASSWORD_FILE:-$DATA_DIR/password}
  if [ -n "$web_options" ]; then
    WITH_PASSWORD=
    [ -n "${MONITORING_PASSWORD_FILE-}" ] || printf %s "${MONITORING_PASSWORD:?}" >"$PASSWORD_FILE"
  fi
  render "$here/prometheus/prometheus.yml" WITH_PASSWORD PASSWORD_FILE PROCESSES CONTAINERS TARGETS_DIR SERVICES REDIS_NODES SENTINELS SCRAPE_INTERVAL SLOW_SCRAPE_INTERVAL SCRAPE_TIMEOUT \
    PROMETHEUS ALERTMANAGER REDIS_EXPORTER NGINX_EXPORTER NODE_EXPORTER USED_SERIES >"$DATA_DIR/prometheus.yml"
  for rules in "$here"/prometheus/rules/*.yml; do link_runbooks "$rules" >"$DATA_DIR/rules/${rules##*/}"; done
  [ -z "$only_render" ] || exit 0
  # No page of another origin may read what a browser is shown here (default: all may).
  # shellcheck disable=SC2086 # an option or none
  exec prometheus $web_options --web.cors.origin='^$' --config.file="$DATA_DIR/prometheus.yml" --storage.tsdb.path="$DATA_DIR/data" \
    --storage.tsdb.retention.time=31d --storage.tsdb.retention.size=2GB \
    --web.listen-address="$LISTEN" --web.external-url="$EXTERNAL_URL" --web.route-prefix=/ --log.level=warn
}

# user:password%40 as it was before it became part of a URL
decoded() {
  printf %s "$1" | awk '{
    while (match($0, /%[0-9A-Fa-f][0-9A-Fa-f]/)) {
      hex = tolower(substr($0, RSTART + 1, 2)); digits = "0123456789abcdef"
      out = out substr($0, 1, RSTART - 1) sprintf("%c", (index(digits, substr(hex, 1, 1)) - 1) * 16 + index(digits, substr(hex, 2, 1)) - 1)
      $0 = substr($0, RSTART + 3)
    }
    printf "%s", out $0
  }'
}

start_alertmanager() {
  [ -z "${SMTP_URL_FILE-}" ] || SMTP_URL=$(cat "$SMTP_URL_FILE")
  [ -n "${ALERT_EMAIL_TO-}" ] || [ -z "${ALERT_EMAIL_TO_FILE-}" ] || ALERT_EMAIL_TO=$(cat "$ALERT_EMAIL_TO_FILE")
  : "${SMTP_URL:?}" "${ALERT_EMAIL_TO:?}" "${ALERT_EMAIL_FROM:=evergreen@localhost}"
  # `none` is what stack.env says where an operator does without.
  [ "$ALERT_EMAIL_FROM" != none ] || ALERT_EMAIL_FROM=evergreen@localhost
  [ "${HEARTBEAT_URL-}" != none ] || HEARTBEAT_URL=
  scheme=${SMTP_URL%%://*} rest=${SMTP_URL#*://}
  rest=${rest%%/*}
  credentials=${rest%@*} host=${rest##*@}
  [ "$credentials" != "$rest" ] || credentials=
  default_port=25
  if [ "$scheme" = smtps ]; then default_port=465; elif [ -n "$credentials" ]; then default_port=587; fi
  case $host in *:*) SMTP_HOST=$host ;; *) SMTP_HOST=$host:$default_port ;; esac
  # A password never travels in the clear; without one, a mailbox or relay next door need not know TLS.
  SMTP_REQUIRE_TLS=false AUTH='# ' SMTP_USER='' SMTP_PASSWORD_FILE=$DATA_DIR/smtp-password HEARTBEAT='# ' HEARTBEAT_URL=${HEARTBEAT_URL-}
  if [ -n "$credentials" ]; then
    SMTP_REQUIRE_TLS=true AUTH=''
    SMTP_USER=$(decoded "${credentials%%:*}")
    decoded "${credentials#*:}" >"$SMTP_PASSWORD_FILE"
  fi
  [ -z "$HEARTBEAT_URL" ] || HEARTBEAT=
  GROUP_WAIT=${GROUP_WAIT:-5s} GROUP_INTERVAL=${GROUP_INTERVAL:-30s} TEMPLATES=$DATA_DIR/templates
  mkdir -p "$TEMPLATES"
  render "$here/alertmanager/mail.tmpl" DASHBOARD >"$TEMPLATES/mail.tmpl"
  render "$here/alertmanager/alertmanager.yml" SMTP_HOST SMTP_REQUIRE_TLS AUTH SMTP_USER SMTP_PASSWORD_FILE ALERT_EMAIL_TO \
    ALERT_EMAIL_FROM TEMPLATES GROUP_WAIT GROUP_INTERVAL HEARTBEAT HEARTBEAT_URL >"$DATA_DIR/alertmanager.yml"
  [ -z "$only_render" ] || exit 0
  want_password
  # One Alertmanager: no cluster, and no port for one.
  # shellcheck disable=SC2086 # an option or none
  exec "$(program alertmanager prometheus-alertmanager)" $web_options --config.file="$DATA_DIR/alertmanager.yml" --storage.path="$DATA_DIR/data" \
    --web.listen-address="$LISTEN" --web.external-url="$EXTERNAL_URL" --web.route-prefix=/ --cluster.listen-address= --log.level=warn
}

only_render=${2-}
case ${1-} in
  prometheus | alertmanager) "start_$1" ;;
  *) echo "usage: monitoring/entry.sh prometheus|alertmanager" >&2; exit 2 ;;
esac
