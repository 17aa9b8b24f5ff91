#!/bin/sh
# Installs the Debian or Ubuntu packages that the shop runs on, and nothing else: no service of theirs is started or takes a port,
# neither now nor after a reboot, because the shop runs these programs itself.
#
#   sh ops/local/install.sh PACKAGE...      e.g. sh ops/local/install.sh redis-server nginx
#
# As root it installs; otherwise it tries sudo, and where that cannot work it prints the one command to run and exits with 1.
set -eu

say() { printf '%s\n' "$*" >&2; }

[ $# -gt 0 ] || { say "usage: sh ops/local/install.sh PACKAGE..."; exit 2; }
command -v apt-get >/dev/null || {
  say "This machine has no apt-get. Please install these yourself, then start again: $*"
  exit 1
}

if [ "$(id -u)" -ne 0 ]; then
  by_hand="su -c 'sh ops/local/install.sh $*'"
  if command -v sudo >/dev/null; then
    # Without a terminal sudo could not ask for a password: then only if it needs none.
    if sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ]; }; then
      say "Installing $* needs root: asking sudo."
      sudo sh "$0" "$@" && exit 0
    fi
    by_hand="sudo sh ops/local/install.sh $*"
  fi
  say "Not installed yet: $*. Run this once as an administrator, then start again:"
  say ""
  say "  $by_hand"
  say ""
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C

# One at a time, for instance when `npm start` and `npm test` begin together: the second one finds everything installed.
exec 9<"$0"
flock 9

# Keeps only what it installs from starting: an nginx that was there before stays as it is.
fresh=
for package in "$@"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || fresh="$fresh $package"
done
[ -n "$fresh" ] || exit 0

# invoke-rc.d asks this file before a package's script may start a service; 101 means "no".
policy=/usr/sbin/policy-rc.d
kept=
if [ -e "$policy" ]; then
  kept=$policy.before-evergreen
  mv "$policy" "$kept"
fi
restore() {
  rm -f "$policy"
  [ -z "$kept" ] || mv "$kept" "$policy"
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

# Another apt may be at work: the unattended upgrades of Ubuntu begin soon after the machine has started.
patience_s=300

# Package lists that are missing or older than a day would name versions that the mirror no longer has.
if [ -z "$(find /var/lib/apt/lists -name '*_Packages*' -mtime -1 2>/dev/null | head -n 1)" ]; then
  say "apt-get update"
  waited_s=0
  until errors=$(apt-get update -q 2>&1 >&3); do
    case $errors in
      *'Could not get lock'*) [ "$waited_s" -lt "$patience_s" ] || { say "$errors"; exit 1; } ;;
      *) say "$errors"; exit 1 ;;
    esac
    say "Waiting for another apt to end, $waited_s of at most $patience_s s"
    sleep 5
    waited_s=$((waited_s + 5))
  done 3>&1
fi
say "apt-get install$fresh"
# shellcheck disable=SC2086 # a list of package names
apt-get install -o DPkg::Lock::Timeout="$patience_s" -q -y --no-install-recommends $fresh

# policy-rc.d was only in place during the installation; this is for the next boot.
for package in $fresh; do
  case $package in
    redis-server | redis-sentinel | nginx | prometheus | prometheus-*)
      if command -v systemctl >/dev/null; then systemctl disable "$package" >/dev/null 2>&1 || true; fi
      if command -v update-rc.d >/dev/null; then update-rc.d "$package" disable >/dev/null 2>&1 || true; fi
      ;;
  esac
done
say "Installed:$fresh (their own services stay off)"
