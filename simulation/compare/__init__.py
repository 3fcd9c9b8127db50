"""Comparing aggregation strategies: a grid under equal tuning, what it gave, and how sure that is."""
