"""``python -m forecourt`` is ``forecourt``."""

from forecourt.cli import main

if __name__ == "__main__":
    main()
