#!/bin/sh
# Writes requirements/*.lock: the packages that are installed, each with its version and the hashes of its files, for
# Linux and macOS and every supported Python. A version stays as it is while it fits pyproject.toml.
#
#   tools/lock.sh             after a change of pyproject.toml
#   tools/lock.sh --upgrade   to the newest version of everything
set -eu

cd "$(dirname "$0")/.."
tools/venv.sh create .venvs/lock "${PYTHON-}"
.venvs/lock/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
upgrade=${1-}

lock() { # NAME ARGUMENTS...
    file=requirements/$1.lock
    shift
    # The hashes say which files are right, whichever index they come from: the lock names none.
    .venvs/lock/bin/uv pip compile "$@" ${upgrade:+"$upgrade"} --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet --output-file "$file"
    upgrade="" # the others follow the first
}

lock dev pyproject.toml --extra dev --group build
lock build --group pyproject.toml:build --constraint requirements/dev.lock
lock runtime pyproject.toml --constraint requirements/dev.lock
lock cuda pyproject.toml --extra cuda --constraint requirements/dev.lock
