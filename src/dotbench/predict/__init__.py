"""From a trained model or a rule to counts and dots."""
