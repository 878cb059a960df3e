#!/bin/sh
# The rowing club's migration as one run, with every page of it: another application, known by its profile alone.
#
#     sh docs/examples/rowing/verify.sh BIN OUTPUTS PLACE [OPTION …]
#
# BIN holds recon and python; PLACE is a new folder for the database; options are those of `recon run`.
# Exit code: that of the verification.
set -u
bin=$1 outputs=$2 place=$3
shift 3
example=$(dirname "$0")
rm -rf "$place"
mkdir -p "$place" || exit
"$bin/python" -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.stdin.read())' \
  "$place/rowing.db" < "$example/rowing.sql" || exit
"$bin/recon" run --bundle "$example/bundle" --profile "$example/profile.toml" --database "$place/rowing.db" \
  --outputs "$outputs" "$@"
