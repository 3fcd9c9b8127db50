"""How a run grows with the number of its nodes: time a round and node, memory of every process, bytes."""
