"""Aggregation: one rule per file, and the modality-wise strategy that lets any rule serve nodes with different sensors."""
