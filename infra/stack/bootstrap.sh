#!/usr/bin/env bash
# Gets what ProX needs on a machine with Python 3.11: uv, the locked venv and, with "all", JDK 17 and Maven.
# bootstrap.sh venv|all, or clients: what the tests drive the collector with, Node and Chromium.
set -euo pipefail
cd "$(dirname "$0")/../.."

UV_VERSION=0.11.33
VENV_KB=3000000 # the venv is 1.3 GB, uv's cache as much again
STAMP=.venv/.synced

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 78; }

is_3_11() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3.11}" python3.11 python3; do
        if is_3_11 "$candidate"; then
            # the interpreter itself: a shim of pyenv's is no home for a venv
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    die "Python 3.11 is missing: install it (apt-get install python3.11 python3.11-venv) or point PYTHON at it"
}

require_space() {
    local free
    free=$(df -Pk . | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$VENV_KB" ] || die "$((free / 1000)) MB are free in $PWD, $((VENV_KB / 1000)) MB are needed: make room"
}

# Installs Debian packages, after saying so; returns 1 where that cannot be done.
apt_install() {
    local sudo=()
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || return 1
        sudo=(sudo -n)
    fi
    say "installing $* by apt"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 && return
    "${sudo[@]}" apt-get update -qq >/dev/null 2>&1 || true
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

install_uv() {
    local python=$1 partial=.tools/uv.partial-$$
    [ -x .tools/uv/bin/uv ] && return
    say "fetching uv $UV_VERSION into .tools/uv"
    mkdir -p .tools
    trap "rm -rf '$PWD/$partial'" EXIT
    if ! "$python" -m venv "$partial" >/dev/null 2>&1; then # Debian parts venv from python3
        rm -rf "$partial"
        apt_install python3-venv && "$python" -m venv "$partial" || die "$python has no venv: apt-get install python3-venv"
    fi
    "$partial/bin/python" -m pip install --quiet "uv==$UV_VERSION" || die "uv could not be downloaded: check the network and try again"
    rm -rf .tools/uv
    mv "$partial" .tools/uv # uv is a program of its own: it does not mind the move
}

# A venv that runs is kept: uv replaces it when it is told of another path to an interpreter, even to the same one.
sync_venv() {
    local python=$1 lock
    lock=$(cat pyproject.toml uv.lock | cksum)
    [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$lock" ] && return
    if is_3_11 .venv/bin/python; then
        python=.venv/bin/python
    else
        require_space
    fi
    # compiled once: where PYTHONDONTWRITEBYTECODE is set every process would compile a few thousand modules again, for seconds each
    .tools/uv/bin/uv sync --frozen --no-install-project --compile-bytecode --python "$python" ||
        die "the packages of uv.lock could not be installed: check the network and the disk and try again"
    printf '%s' "$lock" >"$STAMP"
}

java_is_17() {
    local home
    for home in "${JAVA_HOME:-}" "$(dirname "$(dirname "$(readlink -f "$(command -v java || echo /)")")")" /usr/lib/jvm/*17*; do
        [ -x "$home/bin/java" ] && "$home/bin/java" -version 2>&1 | grep -q 'version "17' && return
    done
    return 1
}

require_java() {
    java_is_17 || { apt_install openjdk-17-jdk-headless && java_is_17; } ||
        die "JDK 17 is missing: install it (apt-get install openjdk-17-jdk-headless) or point JAVA_HOME at it"
    command -v mvn >/dev/null || { apt_install maven && command -v mvn >/dev/null; } ||
        die "Maven is missing: install it (apt-get install maven)"
}

# Tests that miss one are skipped, and say so.
require_clients() {
    command -v npm >/dev/null || apt_install nodejs npm || say "no npm: the Node SDKs will not be tried (apt-get install nodejs npm)"
    local name
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null && return
    done
    apt_install chromium || say "no Chromium: the browser's SDK will not be tried (apt-get install chromium)"
}

main() {
    local python
    if [ "${1:-all}" = clients ]; then
        require_clients
        return
    fi
    if is_3_11 .venv/bin/python; then
        python=.venv/bin/python
    else
        python=$(find_python)
    fi
    install_uv "$python"
    sync_venv "$python"
    [ "${1:-all}" = venv ] || require_java
}

main "$@"
