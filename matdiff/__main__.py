"""`python -m matdiff` is the command `matdiff`."""

from matdiff.cli import main

if __name__ == "__main__":
    main()
