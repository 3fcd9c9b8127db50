"""How large a thing may be before it is refused, whoever sends it."""

MOST_SAMPLES_PER_NODE = 10_000_000
MOST_EMBEDDING_NUMBERS = 4_096
MOST_WEIGHT_NORM = 1e6  # Euclidean norm of one block; trained blocks here lie between 1 and 1e3
MOST_CLASSES = 10_000
MOST_AXES = 4  # of one frame
MOST_LENGTH = 1_000_000  # frames or channels of a window, nodes, files
