#!/bin/sh
# The shop on a swarm, from a manager node. Everything that a deployment depends on is in one file, stack.env (STACK_ENV names another), never
# in the operator's shell: `ops/stack.sh prepare` makes it, stack.env.example explains it.
#
#   ops/stack.sh prepare                 checks engines, managers, clocks and kernel settings; gives three nodes the data (labels); makes stack.env and
#                                        the secrets that do not exist; safe to repeat
#   ops/stack.sh deploy [--yes]          shows what will change, then changes it: Redis and Sentinels node by node with the master last, then the
#                                        rest; waits for every service. Refuses an older version or a missing image without --yes. Exits with 1, and
#                                        names the services, when something was rolled back
#   ops/stack.sh rollback                deploys what was deployed before
#   ops/stack.sh test-mail               sends an alert through Prometheus' own way: a mail should arrive within a minute
#   ops/stack.sh silence ALERT HOURS     silences one alert
#   ops/stack.sh memory SIZE             REDIS_MAXMEMORY of all nodes, such as 1gb, node by node, and REDIS_MEMORY_LIMIT with it
#   ops/stack.sh password                prints the first admin's address and password (where a `users` container runs on this node)
#   ops/stack.sh token                   prints the read-only token of /status (where the `status` container runs on this node)
#   ops/stack.sh grafana                 prints the SSH tunnel to Grafana (GRAFANA=on in stack.env; where its container runs on this node)
#   ops/stack.sh certificate CERT KEY    changes the certificate by a rolling update of Nginx
#   ops/stack.sh mail                    changes the mail server to SMTP_URL (environment)
#   ops/stack.sh list [NUMBER]           the backups on the node with label shop-data=NUMBER (1)
#   ops/stack.sh restore FILE            brings the data back from a backup on the node with label shop-data=1. One of another node: copy it and
#                                        its .sha256 into the volume `backups` there first
# shellcheck disable=SC1091 # the parts are checked by themselves
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/memory.sh"
. "$here/stack/common.sh"
. "$here/stack/prepare.sh"
. "$here/stack/deploy.sh"
. "$here/stack/restore.sh"

case ${1-} in
  prepare) prepare ;;
  deploy) shift; load_settings; deploy "$@" ;;
  rollback) load_settings; rollback ;;
  test-mail) load_settings; send_alert TestMail 'This is a test of the alert mails: nothing is wrong' ;;
  silence) load_settings; silence "${2:?the name of an alert}" "${3:?for how many hours?}" ;;
  memory) load_settings; memory "${2:?a size such as 1gb}" ;;
  password) load_settings; for name in ADMIN_EMAIL ADMIN_PASSWORD; do value=$(secret_in users "$name"); printf '%s=%s\n' "$name" "$value"; done ;;
  token) load_settings; value=$(secret_in status STATUS_TOKEN); printf '%s\n' "$value" ;;
  grafana) load_settings; grafana ;;
  certificate) load_settings; certificate "${2:?the certificate, PEM}" "${3:?its key, PEM}" ;;
  mail) given=${SMTP_URL:?}; load_settings; mail "$given" ;;
  list) load_settings; backup_on "${2:-1}" list ;;
  restore) load_settings; restore "${2:?a name of list, or latest}" ;;
  *) sed -n '2,/^set -/{s/^# \{0,1\}//p}' "$0" | sed '$d'; exit 64 ;;
esac
