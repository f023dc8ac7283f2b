#!/usr/bin/env bash
# A shell job over a library: find the files, predict them into a table, list what failed, count the genres; then the
# same again after a file was added, which does the new one alone.
#
#     bash examples/batch.sh [LIBRARY]
set -euo pipefail
library=${1:-$(dirname "$0")/media}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/songs"
find "$library" -type f \( -name '*.ogg' -o -name '*.flac' -o -name '*.mp3' -o -name '*.wav' \) -exec cp {} "$work/songs" \;
echo "no song at all" > "$work/songs/broken.wav"

echo "== every file once; exit status 3 says that some could not be read"
find "$work/songs" -type f -print0 | sort -z | genrekit predict - -o "$work/genres.csv" || test $? -eq 3

echo "== what failed"
python3 - "$work/genres.csv" <<'PY'
import csv, pathlib, sys
for row in csv.DictReader(open(sys.argv[1], newline="")):
    if row["error"]:
        print(pathlib.Path(row["input"]).name, "-", row["error"])
PY

echo "== how often each genre is the answer"
cut -d, -f2 "$work/genres.csv" | tail -n +2 | sed '/^$/d' | sort | uniq -c | sort -rn

echo "== the same command goes on: only what is new is done"
mv "$work/songs/broken.wav" "$work/songs/still_broken.wav"
find "$work/songs" -type f -print0 | sort -z | genrekit predict - -o "$work/genres.csv" --resume || test $? -eq 3
