"""The systems that are compared, one file each; one more is a file with a `run` and a line in `registry`."""
