#!/bin/sh
# Runs the tests under each supported Python that is found, each in an environment of its own (.venvs/3.12 and so on).
# Arguments go to pytest: `tools/test_pythons.sh tests/unit/media`. Looks on PATH and in pyenv's folder.
set -u

cd "$(dirname "$0")/.." || exit 1
passed="" failed="" missing=""

find_version() { # such as 3.12
    for python in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python python3 python; do
        if [ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$1" ] &&
            tools/venv.sh find "$python" 2>/dev/null; then
            return
        fi
    done
    return 1
}

run() { # VERSION PYTHON ARGUMENTS...
    folder=.venvs/$1 python=$2
    shift 2
    tools/venv.sh create "$folder" "$python" &&
        tools/venv.sh install "$folder" &&
        "$folder/bin/python" -m pytest -n 2 "$@"
}

for version in 3.11 3.12 3.13 3.14; do
    if python=$(find_version "$version"); then
        echo "== Python $version: $("$python" -V) at $(command -v "$python")"
        if run "$version" "$python" "$@"; then passed="$passed $version"; else failed="$failed $version"; fi
    else
        missing="$missing $version"
    fi
done

echo "passed:${passed:- none}; failed:${failed:- none}; not found on this machine:${missing:- none}"
[ -z "$failed" ] && [ -n "$passed" ]
