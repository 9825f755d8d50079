"""Methods without gradient descent, one file each. The engine finds them by name; adding a file adds a method.

A file has `Options` (pydantic: what a card's `options:` may say) and
`predict(model, sample, options, info, rng) -> Prediction`; one that learns also has
`fit(train, validation, options, info) -> model`, arrays by name, which are saved between the two. `info` is the
dataset's card: `ndim`, `spacing`, `cell_radius`. Only controls see the dots of the sample they predict.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Model = Mapping[str, np.ndarray]
