#!/usr/bin/env bash
# From a table of Spotify's features to genres, reasons and a count of each, with the shipped model.
#
#     bash examples/tables.sh [TABLE]
set -euo pipefail
table=${1:-$(dirname "$0")/tracks.csv}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "== a row in, a row out, with what names the track"
genrekit predict "$table" --format csv --top-k 1 -o "$work/genres.csv"
cut -d, -f2,3,9- "$work/genres.csv" | sed -n 1,7p

echo "== why: which features pushed towards the prediction"
genrekit predict "$table" --explain --top-k 1 --format csv | sed -n 1,2p

echo "== how often each genre is the answer"
tail -n +2 "$work/genres.csv" | cut -d, -f2 | sort | uniq -c | sort -rn
