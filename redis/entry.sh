#!/bin/sh
# Starts one Redis node or one Sentinel of the shop, as a local process and as a container alike:
#
#   redis/entry.sh redis      renders redis.conf and users.acl, decides whether this node may be the master, becomes redis-server
#   redis/entry.sh sentinel   renders sentinel.conf unless Sentinel's own is still good, becomes redis-server --sentinel
#
# Why a decision: a master that comes back with an empty disk, or while the others elect a new one, would wipe acknowledged data.
# So a node asks the Sentinels first (look.sh), and starts as master only where no other node could be (decide.sh, node.sh). Its log says what it waits for.
#
# Environment: NODE_HOST (how others reach this node), PORT, DATA_DIR, PEERS="host:port ..." (all Redis nodes, this one may be among
# them), SENTINELS="host:port ...", INITIAL_MASTER=host:port (the very first time only), BIND, MASTER_NAME, REDIS_MAXMEMORY,
# REDIS_APPENDFSYNC; secrets as NAME, as NAME_FILE or as a file NAME in SECRETS_DIR. redis: SENTINEL_PASSWORD_REDIS and one
# REDIS_PASSWORD_<NAME> for each user in users.acl. sentinel: SENTINEL_PASSWORD, REDIS_PASSWORD_SENTINEL and those named in sentinel.conf.
# Needs sh, sed, awk, sha256sum, timeout and redis-cli; no bash, no envsubst.
# shellcheck disable=SC2034,SC2153,SC2154 # templates, and the parts read with `.`, use these variables
set -eu
umask 077 # everything written here holds secrets or data
here=$(cd "$(dirname "$0")" && pwd)

say() { printf '%s entry: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"; }
die() { say "$*" >&2; exit 1; }
# Logs a repeated sentence only once.
said=
waiting() { [ "$*" = "$said" ] || say "waiting: $*"; said=$*; }

# --- What this node was given

: "${NODE_HOST:?}" "${PORT:?}" "${DATA_DIR:?}" "${PEERS:?}" "${SENTINELS:?}" "${INITIAL_MASTER:?}"
BIND=${BIND:-127.0.0.1}
MASTER_NAME=${MASTER_NAME:-shop}
REDIS_MAXMEMORY=${REDIS_MAXMEMORY:-512mb}
REDIS_APPENDFSYNC=${REDIS_APPENDFSYNC:-always}
REPLICA_PRIORITY=100
self=$NODE_HOST:$PORT

# Puts the secret called $1 into the variable of that name, from NAME_FILE or from SECRETS_DIR if it is not there itself.
load_secret() {
  eval "value=\${$1-} file=\${$1_FILE-${SECRETS_DIR:+$SECRETS_DIR/$1}}"
  [ -n "$value" ] || [ -z "$file" ] || value=$(cat "$file")
  [ -n "$value" ] || die "$1 is missing: set it, or $1_FILE to a file that holds it${SECRETS_DIR:+, or put it into $SECRETS_DIR}"
  case $value in *[!A-Za-z0-9._~+/=@:-]*) die "$1 may only hold letters, digits and . _ ~ + / = @ : -" ;; esac
  eval "$1=\$value"
}
# The passwords of which template $1 wants the SHA-256.
hashed_in() { sed -n '/^#/d; s/.*[$]{\([A-Z0-9_]*\)_SHA256}.*/\1/p' "$here/$1"; }
case ${1-} in
  redis) hashed=$(hashed_in users.acl) secrets="SENTINEL_PASSWORD_REDIS $hashed" ;;
  sentinel) hashed=$(hashed_in sentinel.conf) secrets="SENTINEL_PASSWORD REDIS_PASSWORD_SENTINEL $hashed" ;;
  *) die "usage: redis/entry.sh redis|sentinel" ;;
esac
for name in $secrets; do load_secret "$name"; done
# As whom this process asks a Sentinel: a Sentinel as the default user.
case $1 in
  redis) sentinel_user=redis sentinel_password=$SENTINEL_PASSWORD_REDIS ;;
  sentinel) sentinel_user='' sentinel_password=$SENTINEL_PASSWORD ;;
esac
hashes=
for name in $hashed; do
  eval "${name}_SHA256=\$(printf %s \"\$$name\" | sha256sum | cut -c1-64)"
  hashes="$hashes ${name}_SHA256"
done
mkdir -p "$DATA_DIR"

. "$here/../ops/render.sh"
. "$here/look.sh"
. "$here/decide.sh"
. "$here/node.sh"
. "$here/sentinel.sh"
"start_$1"
