"""dotbench: a reproducible benchmark of cell counting from dot annotations."""

__version__ = "0.1.0"
