"""Tags of sound files: genre, tempo and key are written to a copy, verified and moved; a journal allows undo."""
