#!/bin/sh
# Creates a virtual environment with any Python from 3.11 on, and tells whether one can still be used.
#
#   tools/venv.sh usable FOLDER [PYTHON]   succeeds if FOLDER has a working environment (of PYTHON's version)
#   tools/venv.sh create FOLDER [PYTHON]   creates it, or creates it again if it cannot be used
#   tools/venv.sh install FOLDER           installs framewatch, editable, with what requirements/dev.lock names
#   tools/venv.sh find [PYTHON]            prints the Python that `create` would use
set -eu

NAMES="python3.11 python3.12 python3.13 python3.14 python3 python" # CI's version first

version_of() { # of a Python; fails where it cannot be started, as pyenv's stand-ins for versions that are not active
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

is_supported() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

can_create() { # Debian has these modules in packages of their own
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

usable() { # FOLDER PYTHON
    # After an upgrade of the system, the environment's Python may be gone, or may be another that looks elsewhere for pip.
    "$1/bin/python" -c 'import importlib.util as util, sys; sys.exit(util.find_spec("pip") is None)' 2>/dev/null || return 1
    [ -z "$2" ] || [ "$(version_of "$2")" = "$(version_of "$1/bin/python")" ]
}

find_python() { # PYTHON
    old="" bare=""
    for name in ${1:-$NAMES}; do
        version=$(version_of "$name") || continue
        if ! is_supported "$name"; then
            old="$old $name is Python $version."
        elif can_create "$name"; then
            echo "$name"
            return
        else
            bare=${bare:-$name}
        fi
    done
    if [ -n "$bare" ]; then
        echo "$bare cannot create a virtual environment: its module venv or ensurepip is missing." >&2
        echo "On Debian and Ubuntu: apt install python3-venv (or python$(version_of "$bare")-venv)" >&2
    elif [ -n "$1" ]; then
        echo "framewatch needs Python 3.11 or newer.${old:- $1 cannot be started.}" >&2
    else
        echo "No Python 3.11 or newer was found.$old Looked for: $NAMES" >&2
        echo "Install one (Debian 12 and Ubuntu 24.04 or later: apt install python3 python3-venv; macOS: brew install python)," >&2
        echo "or name yours: make ${GOAL:-test} PYTHON=/path/to/python" >&2
    fi
    return 1
}

create() { # FOLDER PYTHON
    if usable "$1" "$2"; then
        return
    fi
    python=$(find_python "$2")
    echo "Creating $1 with $python ($(version_of "$python"))"
    "$python" -m venv --clear "$1"
}

install() { # FOLDER
    set -- "$1/bin/python" -m pip install --quiet --disable-pip-version-check
    "$@" --require-hashes -r requirements/dev.lock
    "$@" --no-deps --no-build-isolation -e . # the lock has what builds it
}

verb=$1
shift
case $verb in
    usable) usable "$1" "${2-}" ;;
    create) create "$1" "${2-}" ;;
    install) install "$1" ;;
    find) find_python "${1-}" ;;
    *) echo "usage: tools/venv.sh usable|create FOLDER [PYTHON], install FOLDER, or find [PYTHON]" >&2; exit 2 ;;
esac
