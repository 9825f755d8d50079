"""Tables and figures from what the trials of a configuration left on disk."""
