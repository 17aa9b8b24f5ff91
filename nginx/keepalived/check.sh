#!/bin/sh
# What keepalived asks on each node: `check.sh nginx PORT` whether Nginx answers at all, `check.sh shop PORT` whether it reaches a replica of every
# service.
case $1 in
  nginx) exec curl --silent --insecure --max-time 1.8 --output /dev/null "https://127.0.0.1:${2:-443}/healthz" ;;
  shop) exec curl --silent --fail --insecure --max-time 1.8 --output /dev/null "https://127.0.0.1:${2:-443}/healthz" ;;
esac
