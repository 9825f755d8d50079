"""The self-supervised loss against its definition, written out pixel by pixel."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from dotbench.networks import load_network
from dotbench.networks.saunet_ssl import consistency, focal_weight, ramp
from dotbench.training.batches import Batch

SMALL = {"widths": [3, 4, 5, 6], "dropout": 0.0}


def network(**options):
    return load_network("dotbench.networks.saunet_ssl", {**SMALL, **options})


def weight_by_definition(map: np.ndarray, focal_min: float | None) -> np.ndarray:
    """Of one map."""
    centre = np.array(list(itertools.product(range(-2, 3), repeat=map.ndim)))
    gauss = np.exp(-(centre**2).sum(1) / 2)
    gauss /= gauss.sum()
    weight = np.zeros(map.shape)
    for place in np.ndindex(map.shape):
        around = map[tuple(slice(max(i - 1, 0), i + 2) for i in place)]
        if map[place] < around.max() or (focal_min is not None and map[place] <= focal_min):
            continue
        for shift, value in zip(centre, gauss, strict=True):
            there = shift + place
            if ((there >= 0) & (there < map.shape)).all():
                weight[tuple(there)] += value
    return weight


@pytest.mark.parametrize("shape", [(9, 12), (6, 7, 8)])
@pytest.mark.parametrize("focal_min", [None, 0.5])
def test_focal_weight(shape, focal_min):
    # Few values, so that there are plateaus; zeros, as a ReLU leaves them.
    maps = np.random.default_rng(0).integers(0, 5, (2, *shape)) / 4
    maps[:, :4] = 0
    found = focal_weight(torch.tensor(maps)[:, None], network(focal_min=focal_min).options)
    for map, weight in zip(maps, found[:, 0].numpy(), strict=True):
        np.testing.assert_allclose(weight, weight_by_definition(map, focal_min), atol=1e-6)


def test_a_lone_peak_weighs_as_published():
    for ndim, centre in ((2, 0.162), (3, 0.065)):
        map = torch.zeros(1, 1, *(9,) * ndim)
        map[(0, 0, *(4,) * ndim)] = 1
        weight = focal_weight(map, network(focal_min=0.1).options)
        assert weight.max() == pytest.approx(centre, abs=5e-4)
        assert weight.sum() == pytest.approx(1)


def test_a_constant_background_counts_in_full_without_focal_min():
    map = torch.zeros(1, 1, 9, 9)
    torch.testing.assert_close(focal_weight(map, network().options)[..., 2:7, 2:7], torch.ones(1, 1, 5, 5))
    assert not focal_weight(map, network(focal_min=0.1).options).any()


def batch(ndim: int, number: int, seed: int, labelled: bool = True, weight: bool = False) -> Batch:
    rng = torch.Generator().manual_seed(seed)
    shape = (number, 1, *(8, 16, 24)[-ndim:])
    allowed = (torch.rand(shape, generator=rng) > 0.3).float() if weight else None
    target = torch.rand(shape, generator=rng) if labelled else None
    return Batch(torch.randn(shape, generator=rng), target, allowed, None)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("levels", ["all", "last"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_its_definition(ndim, levels, weighted):
    net = network(noise_levels=levels)
    torch.manual_seed(1)
    model = net.build(1, ndim).train()
    labelled, unlabelled = batch(ndim, 2, 0), batch(ndim, 3, 1, False, weighted)
    full = Batch(labelled.image, labelled.target, None, None, unlabelled)
    torch.manual_seed(5)
    found = net.loss(model, full, 30, net.options)

    torch.manual_seed(5)
    features = model.encode(unlabelled.image)
    features[-1] = model.attention(features[-1], drop=False)
    total, number = 0.0, 0
    clean = model.decode(features)[:, 0].detach().numpy()
    noise = [
        2 * torch.rand(1, *x.shape[1:]) if levels == "all" or x is features[-1] else torch.ones(1)
        for x in features
    ]
    noisy = model.decode([x * factor for x, factor in zip(features, noise, strict=True)])[:, 0]
    for index, map in enumerate(clean):
        alpha = weight_by_definition(map, None)
        if weighted:
            alpha = alpha * unlabelled.weight[index, 0].numpy()
        total += (alpha * (noisy[index].detach().numpy() - map) ** 2).sum()
        number += np.count_nonzero(alpha)
    supervised = ((model(labelled.image) - labelled.target) ** 2).mean().item()
    assert found.item() == pytest.approx(supervised + math.exp(5 * (30 / 150 - 1)) * total / number, rel=1e-4)


def test_only_the_student_learns():
    net = network()
    model = net.build(1, 2).train()
    unlabelled = batch(2, 2, 0, labelled=False)
    torch.manual_seed(0)
    consistency(model, unlabelled, net.options).backward()
    got = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    torch.manual_seed(0)
    with torch.no_grad():
        *skips, deep = model.encode(unlabelled.image)
        fixed = model.decode([*skips, model.attention(deep, drop=False)])
    alpha = focal_weight(fixed, net.options)
    *skips, deep = model.encode(unlabelled.image)
    levels = [*skips, model.attention(deep, drop=True)]
    noisy = model.decode([x * 2 * torch.rand(1, *x.shape[1:]) for x in levels])
    ((alpha * (noisy - fixed) ** 2).sum() / alpha.count_nonzero()).backward()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(got[name], weight.grad, msg=name)


def test_recomputing_changes_memory_and_nothing_else():
    results = []
    for recompute in (False, True):
        net = network(recompute=recompute)
        torch.manual_seed(1)
        model = net.build(1, 2).train().double()
        torch.manual_seed(2)
        images = batch(2, 3, 0, labelled=False, weight=True)
        images = Batch(images.image.double(), None, images.weight, None)
        value = consistency(model, images, net.options)
        value.backward()
        results.append((value.detach(), *(weight.grad for weight in model.parameters())))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_dropout_is_the_same_when_it_is_recomputed():
    net = network(recompute=True, dropout=0.5)
    model = net.build(1, 2).train()
    grads = []
    for _ in range(2):
        model.zero_grad()
        torch.manual_seed(2)
        consistency(model, batch(2, 2, 0, labelled=False), net.options).backward()
        grads.append(model.attention.query.weight.grad.clone())
    assert torch.equal(*grads)
    assert grads[0].abs().sum() > 0


def test_the_ramp():
    options = network().options
    assert ramp(0, options) == pytest.approx(0.00674, abs=1e-5)
    assert ramp(75, options) == pytest.approx(math.exp(-2.5))
    assert ramp(150, options) == ramp(10_000, options) == 1


def test_images_without_a_peak_cost_nothing():
    net = network(focal_min=1e9)
    model = net.build(1, 2).train()
    assert consistency(model, batch(2, 1, 0, labelled=False), net.options) == 0
