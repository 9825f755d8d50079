"""Figures, one function and one file each; they read what trials left and survive whatever is missing."""
