#!/bin/sh
# Compiles every requirements.in to a lock with hashes and without addresses, for all platforms and Python >= 3.11.
# dev.lock decides each version; the others are held to it, so that what is tested is what runs.
# Usage: lock.sh UV [further options of uv pip compile, such as --upgrade]
set -eu
uv=$1; shift
cd "$(dirname "$0")/.."

compile() {
  source=$1; shift
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
    "$source" --output-file "${source%.in}.lock" "$@"
}

compile requirements/dev.in "$@"
for source in requirements/local.in services/*/requirements.in; do
  rm -f "${source%.in}.lock"  # its own old versions must not speak against dev.lock
  compile "$source" --no-annotate --constraints requirements/dev.lock
done
if grep -nE 'https?:|file:|@ |^-' requirements/*.lock services/*/requirements.lock; then
  echo 'dateline: a lock holds an address' >&2
  exit 1
fi
