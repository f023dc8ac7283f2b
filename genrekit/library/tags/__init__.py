"""Genre, tempo and key in the tags of sound files: read, planned, written beside and moved, and undone from a journal."""
