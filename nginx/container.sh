#!/bin/sh
# Nginx in a container: finds the DNS server, makes sure of a certificate, reloads when it is renewed, and becomes Nginx by entry.sh.
#
# Environment: that of entry.sh, and CERT_NAMES="shop.example ..." for the self-signed certificate that is made where TLS_DIR has none.
# TLS_DIR is watched: a renewed certificate is in use within 10 s, without a lost request. So is the address behind ACCESS_LOG_TO, which
# may be a name here: Nginx itself would look it up once, and not start while there is none.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${TLS_DIR:?}"
# Docker's own, which knows each service by name. A `resolv.conf` without one would be a network without names.
RESOLVER=${RESOLVER:-$(sed -n 's/^nameserver[[:space:]]*//p' /etc/resolv.conf | head -n 1)}
export RESOLVER

# shellcheck disable=SC2086 # a list
if [ -w "$TLS_DIR" ]; then
  sh "$here/certificate.sh" "$TLS_DIR" ${CERT_NAMES:-localhost 127.0.0.1}
fi

log_name=${ACCESS_LOG_TO-}
# The address and port behind it: none while the name has no address, the one before when the lookup fails.
log_address() {
  [ -n "$log_name" ] || return 0
  if found=$(timeout 1 getent ahostsv4 "${log_name%:*}"); then
    echo "${found%% *}:${log_name##*:}"
  elif [ $? -eq 124 ]; then
    echo "$ACCESS_LOG_TO"
  fi
}
ACCESS_LOG_TO=
ACCESS_LOG_TO=$(log_address)
export ACCESS_LOG_TO

certificate() { cat "$TLS_DIR/cert.pem" "$TLS_DIR/key.pem" 2>/dev/null | sha256sum; }
(
  used=$(certificate)
  while sleep 10; do
    now=$(certificate)
    to=$(log_address)
    [ "$now $to" != "$used $ACCESS_LOG_TO" ] || continue
    used=$now
    ACCESS_LOG_TO=$to
    # entry.sh does not take over a half-written pair; its second half changes the sum again. ($$ is what this script becomes.)
    sh "$here/entry.sh" render
    if nginx -t -q -p "$DATA_DIR" -e stderr -c "$DATA_DIR/nginx.conf"; then
      echo "the certificate in $TLS_DIR, or the address of the access log, has changed: reloading" >&2
      kill -HUP $$
    fi
  done
) &

exec sh "$here/entry.sh"
