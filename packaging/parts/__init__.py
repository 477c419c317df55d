"""What the scripts of packaging/ are made of. Standard library only."""
