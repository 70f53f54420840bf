"""What the program costs, measured on real parts."""
