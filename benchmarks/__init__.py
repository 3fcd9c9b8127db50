"""What figures in the documentation are made with; each script names its command."""
