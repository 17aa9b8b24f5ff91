# Memory of a Redis container. Read by ops/compose.sh and ops/stack.sh with `.`.
# shellcheck shell=sh

# Bytes of a size such as 600mb; nothing where $1 is no such size.
bytes_of() {
  case $1 in
    *[!0-9kmgb]* | '' | [!0-9]*) ;;
    *[0-9][kmg]b) awk -v size="$1" 'BEGIN { unit = substr(size, length(size) - 1, 1); printf "%.0f", size * (unit == "g" ? 1024 ^ 3 : unit == "m" ? 1024 ^ 2 : 1024) }' ;;
  esac
}

# What the container of a Redis node with maxmemory $1 may use in all: twice that, because a snapshot may need a second copy of what changes
# meanwhile, and 512 MB for the buffers of replicas.
memory_limit_of() { awk -v bytes="$(bytes_of "$1")" 'BEGIN { printf "%.0fM", 2 * bytes / 1024 ^ 2 + 512 }'; }
