"""How large a thing may be before it is refused, whoever sends it."""

MOST_SAMPLES_PER_NODE = 10_000_000
MOST_EMBEDDING_NUMBERS = 4_096
MOST_WEIGHT_NORM = 1e6  # Euclidean norm of one block; trained blocks here lie between 1 and 1e3
MOST_COUNT = 1e15  # frames or latents that a sum is taken over
MOST_VALUE = 1e15  # of a sensor, in whatever unit; its square, and the square's float32, are numbers still
MOST_CLASSES = 10_000
MOST_AXES = 4  # of one frame
MOST_LENGTH = 1_000_000  # frames or channels of a window, nodes, files
