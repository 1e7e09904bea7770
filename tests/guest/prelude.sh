# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the guest, before the checks. Each check is a function; its first line of output is shown
# when it fails.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/vitrine
check() { # NAME FUNCTION [ARGUMENT...]
    what=$1
    shift
    if said=$("$@" 2>&1); then
        echo "TEST ok $what"
    else
        echo "TEST not ok $what: $(echo "$said" | tail -n 3 | tr '\n' ' ')"
    fi
}
is() { # GOT WANTED
    [ "$1" = "$2" ] || { echo "“$1”, not “$2”"; return 1; }
}
least() { # GOT LEAST
    [ "$1" -ge "$2" ] || { echo "$1, at least $2 wanted"; return 1; }
}
between() { # GOT LEAST MOST
    [ "$1" -ge "$2" ] && [ "$1" -le "$3" ] || { echo "$1, not from $2 to $3"; return 1; }
}
# interrupts WORD CPU: the count of the lines that hold WORD, on one processor (0, 1, …)
interrupts() {
    awk -v word="$1" -v column="$(($2 + 2))" 'index($0, word) { sum += $column } END { print sum + 0 }' /proc/interrupts
}
