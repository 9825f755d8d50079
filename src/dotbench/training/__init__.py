"""Training of networks: one engine for all of them, two- and three-dimensional."""
