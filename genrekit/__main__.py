"""``python -m genrekit`` is the command ``genrekit``."""

from genrekit.cli import run

if __name__ == "__main__":
    run()
