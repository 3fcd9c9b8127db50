"""The phases of a run, one file each: (job, old state) -> new state."""
