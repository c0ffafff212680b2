"""Is every case run, or a fixed share of them?  Set by `--full` before the tests are read."""

full = False
