"""Pure torch: encoders, projections, fusion head, shared autoencoder, losses, augmentations."""
