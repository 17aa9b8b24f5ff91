#!/bin/sh
# Renders nginx.conf and its parts, and becomes Nginx, as a local process and as a container alike:
#
#   nginx/entry.sh           renders, then becomes nginx
#   nginx/entry.sh render    renders only: reload afterwards (HUP), and new addresses or numbers of replicas hold without a lost request
#
# Environment: DATA_DIR (the rendered files and temporary ones go there), HTTP_PORT, HTTPS_PORT, INTERNAL_LISTEN and WATCH_LISTEN
# (address:port), TLS_DIR (cert.pem, key.pem), SERVICES="users products ...", and for each service UPSTREAM_<NAME>="host:port ..."
# (`gift-cards` is UPSTREAM_GIFT_CARDS). Optional: HTTP_ADDRESS (where Nginx listens for HTTP: an address, or * for all; for HTTPS it listens on
# all), FORCE_HTTPS=true (API calls by HTTP are refused, pages redirected to SHOP_URL), SHOP_URL (https://localhost:PUBLIC_HTTPS_PORT), TRUSTED_PROXIES
# (addresses and networks of load balancers, separated by commas or spaces), PROXY_PROTOCOL=on (they speak it), WORKERS, MAX_FILES, ACCESS_LOG_TO=address:port
# (gets each line of the access log, by syslog), STATUS_UPSTREAM=host:port (the page under /status; without it there is none), and
# RESOLVER=address of a DNS server where upstreams are names whose addresses change (containers; Nginx >= 1.27.3, Debian's 1.22 only
# knows fixed ones).
# CORS_ORIGINS: the web pages, such as https://shop.example, whose scripts may call the shop, separated by commas or spaces; without it none may.
# TLS_STATE_DIR, where the last good pair is kept (DATA_DIR/tls; where DATA_DIR does not outlive a container, a volume).
# CACHE_DIR, where answers are kept (DATA_DIR; another folder where DATA_DIR is on a disk and a file system in memory is at hand).
# Needs sh, sed, awk, openssl and nginx.
# shellcheck disable=SC2034,SC2153,SC2154 # templates, and the parts read with `.`, use these variables
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${DATA_DIR:?}" "${HTTP_PORT:?}" "${HTTPS_PORT:?}" "${INTERNAL_LISTEN:?}" "${WATCH_LISTEN:?}" "${TLS_DIR:?}" "${SERVICES:?}"
WORKERS=${WORKERS:-auto}
MAX_FILES=${MAX_FILES:-10000}
mkdir -p "$DATA_DIR"
# A full file system would fail requests, so CACHE_DIR must have room for the caches of two Nginx (48 MB each, see cache.conf). Its name can be guessed: a
# folder or a link that another user has made there is not used.
# shellcheck disable=SC3067 # dash and busybox know -O
if [ -n "${CACHE_DIR-}" ] && (umask 077 && mkdir -p "$CACHE_DIR") 2>/dev/null && [ -O "$CACHE_DIR" ] && [ ! -L "$CACHE_DIR" ] &&
  df -Pk "$CACHE_DIR" | awk 'NR == 2 { exit $4 < 128 * 1024 }'; then
  ln -sfn "$DATA_DIR" "$CACHE_DIR/of"
else
  CACHE_DIR=$DATA_DIR
fi

# Without root there is no user to change to, and the directive would only cause a warning.
USER=
[ "$(id -u)" -ne 0 ] || USER='user root;'

# From 1.25.1 on HTTP/2 is a directive; before, a word of `listen`.
HTTP2_LISTEN='' HTTP2_ON=''
if nginx -v 2>&1 | grep -qE '/1\.([01]?[0-9]|2[0-4])\.|/1\.25\.0'; then HTTP2_LISTEN=' http2'; else HTTP2_ON='http2 on;'; fi

# IPv4 and, where this machine has it, IPv6. $1: address or *, $2: port, $3: further parameters.
PROXY=
[ "${PROXY_PROTOCOL-}" != on ] || PROXY=' proxy_protocol'
listens() {
  case $1 in
    '*' | 0.0.0.0)
      printf 'listen %s%s%s reuseport; ' "$2" "$3" "$PROXY"
      [ ! -e /proc/net/if_inet6 ] || printf 'listen [::]:%s%s%s reuseport; ' "$2" "$3" "$PROXY"
      ;;
    127.0.0.1)
      printf 'listen 127.0.0.1:%s%s%s reuseport; ' "$2" "$3" "$PROXY"
      # `localhost` is both.
      ! grep -qs '^0\{31\}1 ' /proc/net/if_inet6 || printf 'listen [::1]:%s%s%s reuseport; ' "$2" "$3" "$PROXY"
      ;;
    *:*) printf 'listen [%s]:%s%s%s reuseport; ' "$1" "$2" "$3" "$PROXY" ;;
    *) printf 'listen %s:%s%s%s reuseport; ' "$1" "$2" "$3" "$PROXY" ;;
  esac
}
HTTP_LISTENS=$(listens "${HTTP_ADDRESS:-*}" "$HTTP_PORT" '')
HTTPS_LISTENS=$(listens '*' "$HTTPS_PORT" " ssl$HTTP2_LISTEN")
case $WATCH_LISTEN in
  0.0.0.0:* | \*:*) WATCH_LOCAL=127.0.0.1:${WATCH_LISTEN##*:} ;;
  *) WATCH_LOCAL=$WATCH_LISTEN ;;
esac

if [ -z "${SHOP_URL-}" ]; then
  SHOP_URL=https://localhost:${PUBLIC_HTTPS_PORT:-$HTTPS_PORT}
  SHOP_URL=${SHOP_URL%:443}
fi
SHOP_URL=${SHOP_URL%/}
FORCE_HTTPS_RULE='' HSTS=''
if [ "${FORCE_HTTPS-}" = true ]; then
  # A redirected API call has sent its password or token in the clear by then, and would go on doing so unnoticed: it is refused. Pages are
  # redirected (308: the method stays) to the configured host, never to the one that the client names. /healthz holds nothing secret.
  FORCE_HTTPS_RULE='set $shop_plain "$shop_scheme"; if ($uri ~ "^/(healthz$|_)") { set $shop_plain ""; }'
  FORCE_HTTPS_RULE="$FORCE_HTTPS_RULE"' if ($uri ~ "^/($|(status|docs|problems)(/|$))") { set $shop_plain "$shop_plain page"; }'
  FORCE_HTTPS_RULE="$FORCE_HTTPS_RULE"' if ($shop_plain = "http page") { return 308 '$SHOP_URL'$request_uri; } if ($shop_plain = http) { return 426; }'
  HSTS='add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;'
fi
FORCE_HTTPS=$FORCE_HTTPS_RULE

# From which peers the address of the client is taken.
trusted=$(printf %s "${TRUSTED_PROXIES-}" | tr ',' ' ')
REAL_IP='' TRUSTED_GEO='geo $realip_remote_addr $shop_from_proxy { default 0; '
if [ -n "$trusted" ]; then
  for proxy in $trusted; do
    REAL_IP="${REAL_IP}set_real_ip_from $proxy; "
    [ -n "$PROXY" ] || TRUSTED_GEO="$TRUSTED_GEO$proxy 1; "
  done
  if [ -n "$PROXY" ]; then REAL_IP="${REAL_IP}real_ip_header proxy_protocol;"; else REAL_IP="${REAL_IP}real_ip_header X-Forwarded-For; real_ip_recursive on;"; fi
fi
TRUSTED_GEO="$TRUSTED_GEO}"

# Which origins' scripts may call the shop. Without any, no answer says anything about it.
CORS_MAP='' CORS_HEADERS='' CORS_PREFLIGHT=''
for origin in $(printf %s "${CORS_ORIGINS-}" | tr ',' ' '); do
  case $origin in
    *[!A-Za-z0-9.:/_-]*) bad=1 ;;
    http://*/* | https://*/*) bad=1 ;;
    http://?* | https://?*) bad=0 ;;
    *) bad=1 ;;
  esac
  if [ "$bad" -eq 1 ]; then
    echo "CORS_ORIGINS: $origin is not an origin such as https://shop.example (without a path, and no *)" >&2
    exit 1
  fi
  CORS_MAP="$CORS_MAP \"$origin\" \"$origin\";"
done
if [ -n "$CORS_MAP" ]; then
  CORS_MAP="map \$http_origin \$shop_cors_origin { default \"\";$CORS_MAP }"
  CORS_MAP="$CORS_MAP map \$shop_cors_origin \$shop_cors_exposed { default \"ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, Idempotent-Replayed, Server-Timing\"; \"\" \"\"; }"
  # A header whose value is empty is not sent. `Vary` is needed on every answer, or a cache would give one origin's to another.
  CORS_HEADERS='add_header Vary Origin always; add_header Access-Control-Allow-Origin $shop_cors_origin always;'
  CORS_HEADERS="$CORS_HEADERS"' add_header Access-Control-Expose-Headers $shop_cors_exposed always;'
  CORS_PREFLIGHT='include cors.conf;'
fi

# The exporter that counts what clients see. UDP: without an exporter the datagram is lost, and Nginx does not wait.
ACCESS_LOG_COPY=
[ -z "${ACCESS_LOG_TO-}" ] || ACCESS_LOG_COPY="access_log syslog:server=$ACCESS_LOG_TO,tag=nginx,nohostname shop;"
# By a variable, so that Nginx starts while the page is down (a name is then looked up at each request). Without the page, /status is a 404.
STATUS_ROUTE=
[ -z "${STATUS_UPSTREAM-}" ] || STATUS_ROUTE="location ~ ^/status(/|\$) { set \$status_page $STATUS_UPSTREAM; proxy_pass http://\$status_page; proxy_next_upstream off; }"

RESOLVE=
if [ -n "${RESOLVER-}" ]; then
  # A name is looked up again every second, so scaling or replacing a container needs no change here.
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

SERVICES_IN_WORDS='' SERVICES_IN_JSON='' SERVICES_AS_PATTERN='' LINKS_IN_JSON='' NEAREST_SERVICES='' comma='' bar=''
for service in $SERVICES; do
  SERVICES_IN_WORDS="$SERVICES_IN_WORDS${comma:+$comma }$service"
  SERVICES_IN_JSON="$SERVICES_IN_JSON$comma\"$service\""
  LINKS_IN_JSON="$LINKS_IN_JSON$comma\"$service\":\"/$service\""
  SERVICES_AS_PATTERN="$SERVICES_AS_PATTERN$bar$service"
  NEAREST_SERVICES="$NEAREST_SERVICES\"~*^/(?:[^/?]+/)?$(printf %.3s "$service")\" \"The nearest is /$service.\"; "
  comma=, bar='|'
done

. "$here/../ops/render.sh"

# Nginx uses a copy of the last pair in TLS_DIR whose key belonged to its certificate. A wrong pair can then neither break a reload nor keep Nginx
# from starting; /certificate of the watch listener says 0, which raises an alert.
pair_fits() {
  public=$(openssl x509 -in "$1/cert.pem" -noout -pubkey 2>/dev/null) && [ -n "$public" ] &&
    [ "$public" = "$(openssl pkey -in "$1/key.pem" -pubout 2>/dev/null)" ]
}
good=${TLS_STATE_DIR:-$DATA_DIR/tls}
if pair_fits "$TLS_DIR"; then
  CERTIFICATE_FITS=1
  (umask 077 && mkdir -p "$good" && for file in key.pem cert.pem; do cat "$TLS_DIR/$file" >"$good/$file.new" && mv "$good/$file.new" "$good/$file"; done)
elif pair_fits "$good"; then
  CERTIFICATE_FITS=0
  echo "the key in $TLS_DIR does not belong to the certificate there: using the last good pair" >&2
else
  echo "$TLS_DIR must hold cert.pem and key.pem that belong together, readable by user $(id -u)" >&2
  exit 1
fi
TLS_DIR=$good

for part in "$here"/*.conf; do
  name=${part##*/}
  [ "$name" != upstreams.conf ] || continue
  render "$part" USER WORKERS MAX_FILES DATA_DIR CACHE_DIR HTTP_LISTENS HTTPS_LISTENS INTERNAL_LISTEN WATCH_LISTEN WATCH_LOCAL TLS_DIR CERTIFICATE_FITS RESOLVER FORCE_HTTPS \
    HSTS SHOP_URL TRUSTED_GEO REAL_IP HTTP2_ON SERVICES_IN_WORDS SERVICES_IN_JSON SERVICES_AS_PATTERN LINKS_IN_JSON NEAREST_SERVICES ACCESS_LOG_COPY \
    STATUS_ROUTE CORS_MAP CORS_HEADERS CORS_PREFLIGHT >"$DATA_DIR/$name"
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
