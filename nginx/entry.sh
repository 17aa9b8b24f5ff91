#!/bin/sh
# Renders nginx.conf and its parts, and becomes Nginx, as a local process and as a container alike:
#
#   nginx/entry.sh           renders, then becomes nginx
#   nginx/entry.sh render    renders only: reload afterwards (HUP), and new addresses or numbers of replicas hold without a lost request
#
# Environment: DATA_DIR (the rendered files and temporary ones go there), HTTP_PORT, HTTPS_PORT, INTERNAL_LISTEN and WATCH_LISTEN
# (address:port), TLS_DIR (cert.pem, key.pem), SERVICES="users products ...", and for each service UPSTREAM_<NAME>="host:port ..."
# (`gift-cards` is UPSTREAM_GIFT_CARDS). Optional: WORKERS, MAX_FILES, FORCE_HTTPS=true with PUBLIC_HTTPS_PORT, ACCESS_LOG_TO=address:port
# (gets each line of the access log, by syslog), STATUS_UPSTREAM=host:port (the page under /status; without it there is none), and
# RESOLVER=address of a DNS server where upstreams are names whose addresses change (containers; Nginx >= 1.27.3, Debian's 1.22 only
# knows fixed ones).
# Needs sh, sed and nginx.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${DATA_DIR:?}" "${HTTP_PORT:?}" "${HTTPS_PORT:?}" "${INTERNAL_LISTEN:?}" "${WATCH_LISTEN:?}" "${TLS_DIR:?}" "${SERVICES:?}"
WORKERS=${WORKERS:-auto}
MAX_FILES=${MAX_FILES:-10000}
mkdir -p "$DATA_DIR"

# Without root there is no user to change to, and a word about it would only warn.
USER=
[ "$(id -u)" -ne 0 ] || USER='user root;'

# From 1.25.1 on HTTP/2 is a directive; before, a word of `listen`.
HTTP2_LISTEN='' HTTP2_ON=''
if nginx -v 2>&1 | grep -qE '/1\.([01]?[0-9]|2[0-4])\.|/1\.25\.0'; then HTTP2_LISTEN=' http2'; else HTTP2_ON='http2 on;'; fi

FORCE_HTTPS_RULE='' HSTS=''
if [ "${FORCE_HTTPS-}" = true ]; then
  public_port=${PUBLIC_HTTPS_PORT:-$HTTPS_PORT}
  if [ "$public_port" = 443 ]; then public_port=''; else public_port=:$public_port; fi
  # 308: a POST stays a POST.
  FORCE_HTTPS_RULE='if ($scheme = http) { return 308 https://$host'$public_port'$request_uri; }'
  HSTS='add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;'
fi
FORCE_HTTPS=$FORCE_HTTPS_RULE

# Who counts what clients see. A datagram that nobody takes is gone, and nobody waits.
ACCESS_LOG_COPY=
[ -z "${ACCESS_LOG_TO-}" ] || ACCESS_LOG_COPY="access_log syslog:server=$ACCESS_LOG_TO,tag=nginx,nohostname shop;"
# By a variable, so that Nginx starts while the page is down (a name is then looked up at each request). Without the page, /status is an address like any other that is nothing.
STATUS_ROUTE=
[ -z "${STATUS_UPSTREAM-}" ] || STATUS_ROUTE="location ~ ^/status(/|\$) { set \$status_page $STATUS_UPSTREAM; proxy_pass http://\$status_page; proxy_next_upstream off; }"

RESOLVE=
if [ -n "${RESOLVER-}" ]; then
  # A name is looked up again every second: whoever scales or replaces a container does nothing here.
  RESOLVER="resolver $RESOLVER valid=1s ipv6=off; resolver_timeout 2s;"
  RESOLVE=' resolve'
else
  RESOLVER=
fi

# The `server` lines of replicas ($@).
servers_of() {
  for address in "$@"; do printf 'server %s%s max_fails=1 fail_timeout=1s; ' "$address" "$RESOLVE"; done
  for address in "$@"; do printf 'server %s%s max_fails=0 backup; ' "$address" "$RESOLVE"; done
}

SERVICES_IN_WORDS='' SERVICES_IN_JSON='' SERVICES_AS_PATTERN='' LINKS_IN_JSON='' comma='' bar=''
for service in $SERVICES; do
  SERVICES_IN_WORDS="$SERVICES_IN_WORDS${comma:+$comma }$service"
  SERVICES_IN_JSON="$SERVICES_IN_JSON$comma\"$service\""
  LINKS_IN_JSON="$LINKS_IN_JSON$comma\"$service\":\"/$service\""
  SERVICES_AS_PATTERN="$SERVICES_AS_PATTERN$bar$service"
  comma=, bar='|'
done

# Template $1 on stdout, with the placeholders named after it replaced by the variables of the same name and nothing else touched.
# (Ctrl-A ends the parts of sed's command: it is in no value.)
separator=$(printf '\001')
render() {
  template=$1
  shift
  for name in "$@"; do
    eval "value=\${$name}"
    printf 's%s[$]{%s}%s%s%sg\n' "$separator" "$name" "$separator" "$value" "$separator"
  done | sed -f /dev/stdin "$template"
}

for part in "$here"/*.conf; do
  name=${part##*/}
  [ "$name" != upstreams.conf ] || continue
  render "$part" USER WORKERS MAX_FILES DATA_DIR HTTP_PORT HTTPS_PORT INTERNAL_LISTEN WATCH_LISTEN TLS_DIR RESOLVER FORCE_HTTPS HSTS \
    HTTP2_LISTEN HTTP2_ON SERVICES_IN_WORDS SERVICES_IN_JSON SERVICES_AS_PATTERN LINKS_IN_JSON ACCESS_LOG_COPY \
    STATUS_ROUTE >"$DATA_DIR/$name"
done

all=
for SERVICE in $SERVICES; do
  replicas=$(printf %s "$SERVICE" | tr 'a-z-' 'A-Z_')
  eval "replicas=\${UPSTREAM_$replicas:?no replicas}"
  all="$all $replicas"
  # shellcheck disable=SC2086 # a list
  SERVERS=$(servers_of $replicas)
  render "$here/upstreams.conf" SERVICE SERVERS
done >"$DATA_DIR/upstreams.conf"
# shellcheck disable=SC2034,SC2086 # read by render; a list
SERVICE=any SERVERS=$(servers_of $all)
render "$here/upstreams.conf" SERVICE SERVERS >>"$DATA_DIR/upstreams.conf"

[ "${1-}" = render ] || exec nginx -p "$DATA_DIR" -e stderr -c "$DATA_DIR/nginx.conf"
