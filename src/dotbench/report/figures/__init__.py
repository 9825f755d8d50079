"""Figures, one function and one file each; they read what cells left and survive whatever is missing."""
