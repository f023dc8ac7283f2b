#!/usr/bin/env bash
# A music library: name the genres once, sort the songs into playlists, look at what would change in the tags, write
# genre, tempo and key into copies of the files, and put everything back.
#
#     bash examples/library.sh [LIBRARY]
set -euo pipefail
library=$(cd "${1:-$(dirname "$0")/media}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$library" "$work/music"
cd "$work"

echo "== genre, tempo, key and loudness of every song, once"
genrekit predict music --with bpm,key,loudness -o genres.csv
cut -d, -f1-3,12- genres.csv | cut -d, -f1-8

echo "== a playlist a genre"
genrekit sort --from genres.csv --by genre --to playlists --write > /dev/null
ls playlists

echo "== what would be written"
genrekit tag --from genres.csv --min-confidence 0.3 --with bpm,key

echo "== write it"
genrekit tag --from genres.csv --min-confidence 0.3 --with bpm,key --write --journal tags.jsonl > /dev/null

echo "== what the tags hold now"
genrekit tag --undo tags.jsonl --format table

echo "== and back"
genrekit tag --undo tags.jsonl --write --journal undo.jsonl | sed 's|"input": ".*/music/|"input": "music/|'
