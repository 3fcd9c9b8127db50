"""Exact nearest neighbours: this project's matching, faiss-cpu's flat index, and the matrix products alone."""
