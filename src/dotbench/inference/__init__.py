"""Running networks on images: what training and prediction share."""
