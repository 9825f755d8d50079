"""Tables and figures from what the cells of a configuration left on disk."""
