"""What it costs to make a signal's picture, beside torch.stft and scipy."""
