"""GTZAN: its files, tables, repeats and published lists."""
