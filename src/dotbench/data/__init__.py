"""From published files to images with dots in one canonical form, and the splits over them."""
