"""How fast replies are added up, and how many models that holds."""
