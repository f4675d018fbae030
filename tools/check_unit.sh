#!/bin/sh
# Has systemd itself check the service's units: those that ship, alone and with the drop-in for folders that have awkward
# names, and those that `framewatch service print` makes for such folders.
#
#   tools/check_unit.sh FRAMEWATCH     the installed command
set -eu

MOST_EXPOSED=10 # of 100: what `systemd-analyze security` calls 1.0

command -v systemd-analyze >/dev/null || {
    echo "systemd-analyze is missing. On Debian and Ubuntu: apt install systemd" >&2
    exit 1
}
cd "$(dirname "$0")/.."
command=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
unit=$folder/framewatch.service

check() {
    verify verify "$unit"
    report=$(systemd-analyze security --offline=yes --no-pager --threshold=$MOST_EXPOSED "$unit") || {
        echo "$report" >&2
        echo "The unit is more exposed than $MOST_EXPOSED of 100." >&2
        exit 1
    }
    echo "$report" | tail -1
}

verify() {
    # Any line that it prints is a complaint, also where it exits with 0.
    complaints=$(systemd-analyze "$@" 2>&1) && [ -z "$complaints" ] || { echo "$complaints" >&2; exit 1; }
}

sed "s|^ExecStart=[^ ]*|ExecStart=$command|" systemd/framewatch.service >"$unit"
check

cat >"$folder/framewatch.yaml" <<'YAML'
folders:
  - {name: spaces, input: "/srv/my films/100%/in"}
  - {name: quotes, input: "/srv/a \"b\" 'c'\\/in", output: "/srv/semi;colon:#"}
  - {name: home, input: "/home/someone/my films: in", done: /var/tmp/done}
YAML
mkdir "$unit.d"
"$command" service systemd --config "$folder/framewatch.yaml" >"$unit.d/folders.conf" 2>"$folder/messages" ||
    { cat "$folder/messages" >&2; exit 1; }
check

config="$folder/my config 100%/framewatch.yaml"
mkdir "$(dirname "$config")"
mv "$folder/framewatch.yaml" "$config"
rm -r "$unit.d"
"$command" service print --config "$config" >"$unit" 2>"$folder/messages" || { cat "$folder/messages" >&2; exit 1; }
check
"$command" service print --user --config "$config" >"$unit"
XDG_RUNTIME_DIR=$folder verify --user verify "$unit"
