"""What predictions are worth: matching of dots, metrics with intervals, scores of trials."""
