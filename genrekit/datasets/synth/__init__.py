"""Generated songs: instruments, styles, and the sequencer that plays one with the other."""
