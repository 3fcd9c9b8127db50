"""Studies of fusion: frozen features of pictures, heads over sets of modalities, one person left out in turn."""
