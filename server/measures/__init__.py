"""What embeddings are worth by themselves: pure functions of unit rows, one kind of measure a file."""
