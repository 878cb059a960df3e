#!/bin/sh
# One guided migration as automation runs it, from the demo club's exports to the verdict: every command that a person
# would type, and no question left open.
#
#     sh docs/examples/importer/migrate.sh BIN OUTPUTS PLACE [FAULT]
#
# BIN holds recon and python; PLACE is a new folder for exports and database; FAULT is one of the importer's.
# Exit code: that of the verification.
set -u
bin=$1 outputs=$2 place=$3 fault=${4:-}
importer=$(dirname "$0")
rm -rf "$place"
"$bin/recon" demo --output "$place" --exports > "$place.log" || exit
rm -f "$place.log" "$place/club.db"
exports=$place/migration-bundle-2024-01-15
"$bin/python" "$importer" --create-tables --database "$place/club.db" || exit

# A demo that was interrupted may have left one open.
"$bin/recon" migrate --abandon --outputs "$outputs" --by Demo > "$place/abandoned.log" 2>&1
"$bin/recon" signoff --outputs "$outputs" --by Demo --notified "Board, webmaster" --no-window || exit
"$bin/recon" migrate --outputs "$outputs" --backups "$place/backups" --database "$place/club.db" --expect localhost \
  --exports "$exports" --config "$exports/migration-config.json" --by Demo \
  -- "$bin/python" "$importer" --exports "{exports}" --config "{config}" --database "{database}" --bundle "{bundle}" \
  --policies "$exports/policy-bundle.json" "{mode}" ${fault:+--fault "$fault"}
# 2: nobody is there to say that the dry run was reviewed.
[ $? -eq 2 ] || exit 2
folder=$(ls -d "$outputs"/2*-migration-club* | tail -1)
"$bin/recon" review "$(echo "$folder"/steps/*-dry-run/bundles/migration-bundle)" --outputs "$outputs" \
  --database "$place/club.db" --exports "$exports" --config "$exports/migration-config.json" --yes --by "Reviewer" \
  > "$place/review.log" || exit
"$bin/recon" migrate --resume "$folder" --execute club --by Demo
