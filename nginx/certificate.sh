#!/bin/sh
# Makes a self-signed certificate in folder $1 (cert.pem, key.pem) for the host names after it, unless there is one that is good for
# another day. Put your own there instead, and it is used. Needs openssl.
set -eu
dir=$1
shift
mkdir -p "$dir"
if [ -s "$dir/key.pem" ] && openssl x509 -in "$dir/cert.pem" -noout -checkend 86400 >/dev/null 2>&1; then exit 0; fi
names=
for name in "$@"; do
  case $name in
    *[!0-9.]*) names="$names${names:+,}DNS:$name" ;;
    *) names="$names${names:+,}IP:$name" ;;
  esac
done
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 -subj "/CN=$1" -addext "subjectAltName=$names" \
  -keyout "$dir/key.pem.new" -out "$dir/cert.pem.new" 2>/dev/null
mv "$dir/key.pem.new" "$dir/key.pem"
mv "$dir/cert.pem.new" "$dir/cert.pem"
