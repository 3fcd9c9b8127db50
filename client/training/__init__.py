"""Local training, apart from messages: arrays and modules in, losses and updated modules out."""
