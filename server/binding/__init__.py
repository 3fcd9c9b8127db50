"""Binding: which samples of different groups belong together, and how much each pair counts."""
