#!/bin/sh
# Makes .venv hold what requirements/NAME.lock lists, checked by hash. Does nothing when it already does.
# Usage: environment.sh local|dev [PYTHON]
set -eu
name=$1 python=${2:-python3}
cd "$(dirname "$0")/.."
lock=requirements/$name.lock

say() { echo "dateline: $*" >&2; }
give_up() { say "$*"; exit 2; }
stamp_of() { sha256sum <"requirements/$1.lock"; }
holds() { [ "$(cat ".venv/$1.locked" 2>/dev/null)" = "$(stamp_of "$1")" ] && .venv/bin/python -c '' 2>/dev/null; }

if holds "$name" || { [ "$name" = local ] && holds dev; }; then exit 0; fi  # dev includes local

command -v "$python" >/dev/null || give_up "no $python here: install Python 3.11 or newer, or set PYTHON"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  give_up "$("$python" --version) is too old: Dateline needs 3.11 or newer; set PYTHON to one, as in: make up PYTHON=python3.12"

# Debian's python3 comes without the part that makes environments.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  say 'installing python3-venv'
  as_root=; [ "$(id -u)" = 0 ] || as_root='sudo -n'
  { $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq python3-venv; } \
    >/dev/null 2>&1 || true
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    give_up "$python cannot make environments: install its venv package (Debian: apt-get install python3-venv)"
fi

say "setting up .venv from $lock"
.venv/bin/python -c 'import pip' 2>/dev/null || "$python" -m venv --clear .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
stamp_of "$name" >".venv/$name.locked"
