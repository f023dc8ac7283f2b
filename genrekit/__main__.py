"""``python -m genrekit`` is the command ``genrekit``."""

from genrekit.cli import main

if __name__ == "__main__":
    main()
