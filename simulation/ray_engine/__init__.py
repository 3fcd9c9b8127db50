"""The `ray` engine: nodes live in Ray actors for the length of a run; only messages and state travel."""
