# shellcheck shell=sh disable=SC2154 # read by entry scripts; `value` is set by eval
# The templates of Nginx, Redis and the monitoring are rendered by this function; entry scripts read this file with `.`.

# Writes the template in file $1 to stdout. A placeholder ${NAME} whose name is among the further arguments becomes the value of the variable of
# that name, which is one line; everything else stays as it is. The values reach awk through a pipe, because `ps` would show arguments.
render() {
  template=$1
  shift
  for name in "$@"; do
    eval "value=\${$name}"
    printf '%s %s\n' "$name" "$value"
  done | awk '
    NR == FNR { end = index($0, " "); values["${" substr($0, 1, end - 1) "}"] = substr($0, end + 1); next }
    {
      rest = $0
      line = ""
      while (match(rest, /[$][{][A-Za-z0-9_]+[}]/)) {
        found = substr(rest, RSTART, RLENGTH)
        line = line substr(rest, 1, RSTART - 1) (found in values ? values[found] : found)
        rest = substr(rest, RSTART + RLENGTH)
      }
      print line rest
    }' - "$template"
}
