"""SAU-Net: published sizes, attention and batch norm's refresh against their definitions."""

from __future__ import annotations

import pytest
import torch

from dotbench.networks import load_network, saunet

SMALL = {"widths": [4, 4, 6, 8]}


def network(**options):
    return load_network("dotbench.networks.saunet", options)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("channels", "ndim", "parameters"), [(3, 2, 2_192_289), (1, 2, 2_191_713), (1, 3, 5_866_657)]
)
@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_published_number_of_parameters(channels, ndim, parameters, norm):
    model = network(norm=norm).build(channels, ndim)
    assert sum(weight.numel() for weight in model.parameters()) == parameters


@pytest.mark.parametrize("ndim", [2, 3])
def test_attention_is_a_softmax_over_all_positions_without_scaling(ndim):
    attention = network(**SMALL, norm="instance").build(1, ndim).attention.eval()
    x = torch.randn(2, 8, *(3, 4, 5)[:ndim])
    query, key, value = (
        part(x).flatten(2).transpose(1, 2) for part in (attention.query, attention.key, attention.value)
    )
    weights = torch.softmax(query @ key.transpose(1, 2), dim=-1)
    y = (weights @ value).transpose(1, 2).reshape(x.shape)
    torch.testing.assert_close(attention(x, drop=False), x + attention.out(y))


def test_dropout_falls_on_the_attention_weights_in_training_only():
    model = network(**SMALL, norm="instance", dropout=0.5).build(1, 2)
    x = torch.randn(1, 1, 16, 16)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))
    model = network(**SMALL, norm="instance", dropout=0.0).build(1, 2)
    assert torch.equal(model(x), model(x))


def test_attention_over_many_positions_needs_little_memory():
    """All pairs of 128 x 128 positions would be 1 GB."""
    attention = network(**SMALL, norm="instance").build(1, 2).attention.eval()
    with torch.inference_mode(), torch.profiler.profile(profile_memory=True) as profile:
        attention(torch.randn(1, 8, 128, 128), drop=False)
    assert max(event.cpu_memory_usage for event in profile.key_averages()) < 100e6


@pytest.mark.parametrize(
    ("head", "low", "high"), [("relu", 0, None), ("sigmoid", 0, 1), ("linear", None, None)]
)
def test_the_head_bounds_the_map(head, low, high):
    y = network(**SMALL, head=head).build(1, 2)(5 * torch.randn(2, 1, 32, 32))
    assert (low is None) or y.min() >= low
    assert (high is None) or y.max() <= high
    assert head != "linear" or y.min() < 0


def test_refresh_measures_batch_norm_on_all_images_as_one_batch():
    net = network(**SMALL, refresh=True)
    model = net.build(1, 2)
    images = [torch.randn(1, 1, 16, 24) + number for number in range(5)]
    weights = {name: weight.clone() for name, weight in model.named_parameters()}
    net.finish(model, iter(images), net.options)
    assert not model.training
    x = torch.cat(images)
    first = model.down[0][0]
    seen = first[1](first[0](x)).detach()
    torch.testing.assert_close(first[2].running_mean, seen.mean((0, 2, 3)))
    torch.testing.assert_close(first[2].running_var, seen.transpose(0, 1).flatten(1).var(1))
    # With these statistics prediction is what a training step without dropout would see.
    as_predicted = model(x)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train()
    torch.testing.assert_close(model(x), as_predicted, atol=2e-3, rtol=2e-3)
    assert all(torch.equal(weight, weights[name]) for name, weight in model.named_parameters())


def test_refresh_takes_images_of_several_sizes_and_many_in_turn(monkeypatch):
    images = [torch.full((1, 1, *size), 1.0) for size in ((8, 8), (16, 8), (8, 8), (8, 8))]
    monkeypatch.setattr(saunet, "REFRESHED_TOGETHER", 128)
    assert [tuple(batch.shape) for batch in saunet._batches(images)] == [
        (2, 1, 8, 8),
        (1, 1, 8, 8),
        (1, 1, 16, 8),
    ]


@pytest.mark.parametrize("options", [{"refresh": False}, {"refresh": True, "norm": "instance"}])
def test_without_batch_norm_or_wish_nothing_is_refreshed(options):
    net = network(**SMALL, **options)
    model = net.build(1, 2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    net.finish(model, iter([]), net.options)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_without_norm_orthogonal_weights_keep_the_size_of_the_signal():
    model = network(norm="none", init="orthogonal", head="linear").build(1, 2).eval()
    assert sum(weight.numel() for weight in model.parameters()) < 2_191_713
    with torch.no_grad():
        levels = model.encode(torch.randn(1, 1, 64, 64))
    assert all(0.1 < level.std() < 10 for level in levels)
