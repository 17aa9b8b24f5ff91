#!/bin/sh
# Whether this node's Nginx reaches a shop that works: `check.sh HTTPS_PORT`. A node that is cut off from the others has an Nginx that answers,
# but not a shop, and must give the address away.
exec curl --silent --fail --insecure --max-time 1.8 --output /dev/null "https://127.0.0.1:${1:-443}/healthz"
