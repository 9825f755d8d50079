"""Counts nothing, and takes a lot of memory for it: a method for the tests of what SLURM does about that."""

import time

from pydantic import BaseModel

from dotbench.contract.prediction import Prediction


class Options(BaseModel):
    megabytes: int


def predict(model, sample, options, info, rng):
    kept = []
    for _ in range(options.megabytes // 50):
        kept.append(bytearray(b"x") * (50 << 20))
        # As fast as real data comes in.
        time.sleep(0.01)
    # And stays as long as real work takes, so that whoever watches sees it on a busy machine too.
    time.sleep(3)
    return Prediction(len(kept))
