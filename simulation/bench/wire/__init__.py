"""What training sends under different lists of codecs, and how accurate it ends."""
