"""Studies: a grid of experiments, run where it stopped, and the table and picture it gives."""
