# What a starting node and a running Sentinel decide from what they have found out. Nothing here asks, writes or waits, so that a test has
# one row for each situation (test/unit/redis/decide.test.ts). Read by redis/entry.sh with `.`.
# shellcheck shell=sh disable=SC2154 # the inputs are variables of entry.sh, look.sh and node.sh

# Longer than two elections: the first takes 3 s, one that failed is tried again every 6 s.
election_patience_s=15
# Longer still where this node's append-only file is damaged: any other node is better.
damaged_patience_s=30

# Whether this node, which the Sentinels name as the master, starts as the master. It does only where no other node has more and no other
# could be elected meanwhile. Prints `start` or `wait` and the situation.
#
# answers: how many Sentinels answer; epoch, known: the highest epoch, and the most replicas that one of them knows; alive: how many of
# those answer it; electing: 1 while one of them replaces the master. others, running, empty: the other nodes, how many of them answer, how many
# of those hold nothing; filled: one that holds something, or ''. data: none, whole or damaged; alone_s: for how long the Sentinels have
# named this node; together_s: for how long another node has been there as well.
decide_lead() {
  if [ "$answers" -lt 2 ]; then echo 'wait two-sentinels'
  elif [ "$data" = none ]; then
    if [ "$known" = 0 ] && [ "$epoch" = 0 ] && [ -z "$filled" ]; then echo 'start first'
    elif [ "$empty" = "$others" ] && [ "$together_s" -ge "$election_patience_s" ]; then echo 'start all-empty'
    elif [ "$running" -gt 0 ]; then echo 'wait empty-not-elected-yet'
    else echo 'wait empty-alone'
    fi
  elif [ "$running" -gt 0 ] || [ "$alive" -gt 0 ]; then
    patience_s=$election_patience_s
    [ "$data" = whole ] || patience_s=$damaged_patience_s
    if [ "$together_s" -lt "$patience_s" ] || [ "$electing" = 1 ]; then echo 'wait election'
    else echo 'start none-elected'
    fi
  elif [ "$data" = damaged ] && [ "$alone_s" -lt "$damaged_patience_s" ]; then echo 'wait damaged-alone'
  else echo 'start alone'
  fi
}

# Whether this Sentinel leads a failover that it will never finish: it has promoted a replica, that one is down for longer than any failover takes,
# and all others that answer, two at least, have gone on with the node that this Sentinel watched before. It would name the dead replica until
# the next failover. sentinelFailoverDetectEnd in Redis' src/sentinel.c returns while the promoted replica is down.
#
# failing_over: 1 while this Sentinel runs a failover; promoted_down_ms: for how long the promoted replica has been down, 0 when it is not;
# watched: the node that this Sentinel watches; named: what the others name, one word each.
decide_stuck() {
  [ "$failing_over" = 1 ] && [ "$promoted_down_ms" -ge 5000 ] || return 1
  # shellcheck disable=SC2086 # a list
  set -- $named
  [ $# -ge 2 ] || return 1
  for each in "$@"; do [ "$each" = "$watched" ] || return 1; done
}
