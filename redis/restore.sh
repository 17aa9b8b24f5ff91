#!/bin/sh
# Brings the Compose shop back from a backup: `redis/restore.sh NAME|latest`; without a name it lists them. Writes after the backup are lost.
# (On a swarm: ops/stack.sh restore.)
set -eu
cd "$(dirname "$0")/.."
if [ -z "${1-}" ]; then
  docker compose run --rm --no-deps -T restore list 2>/dev/null
  exit 64
fi
# Checked before anything is stopped.
docker compose run --rm --no-deps -T restore verify "$1"
# The services too: they remember the last master.
docker compose stop users products purchases backup
docker compose stop sentinel-1 sentinel-2 sentinel-3
docker compose stop redis-1 redis-2 redis-3
docker compose run --rm --no-deps -T restore restore "$1"
docker compose up -d --wait
