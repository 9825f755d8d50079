"""What every network card promises: it builds, keeps the size of its input, and learns in all its parts."""

from __future__ import annotations

import pytest
import torch

from dotbench.cards import card_ids, load_method
from dotbench.networks import load_network

CARDS = [card for card in map(load_method, card_ids("methods")) if card.kind == "network"]
# Recipes share their family's network: each network with its options is tried once.
DIFFERENT = {
    (card.network, ndim, repr(card.of(ndim).options)): (card, ndim)
    for card in reversed(CARDS)
    for ndim in card.ndim
}
CASES = [pytest.param(card.of(ndim), ndim, id=f"{card.id}-{ndim}d") for card, ndim in DIFFERENT.values()]


def image(network, ndim, channels=1, odd=0):
    size = max(2 * network.stride, 16) + odd
    return torch.randn(2, channels, *(size,) * ndim, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def make():
    def make(card, ndim, channels=1):
        torch.manual_seed(0)
        network = load_network(card.module, card.options)
        return network, network.build(channels, ndim)

    return make


@pytest.mark.parametrize(("card", "ndim"), CASES)
@pytest.mark.parametrize("channels", [1, 3])
def test_output_has_the_size_of_the_input(make, card, ndim, channels):
    network, model = make(card, ndim, channels)
    x = image(network, ndim, channels)
    with torch.inference_mode():
        y = model.eval()(x)
    assert y.shape[0] == 2
    assert y.shape[2:] == x.shape[2:]
    assert torch.isfinite(y).all()


@pytest.mark.parametrize(("card", "ndim"), CASES)
def test_any_size_works_through_the_engine(make, card, ndim):
    from dotbench.inference.device import choose
    from dotbench.inference.tiles import forward

    network, model = make(card, ndim)
    x = image(network, ndim, odd=3)
    y = forward(model.eval(), x, network.stride, choose("cpu", deterministic=True))
    assert y.shape[2:] == x.shape[2:]


@pytest.mark.parametrize(("card", "ndim"), CASES)
def test_every_weight_gets_a_gradient(make, card, ndim):
    network, model = make(card, ndim)
    model.train()(image(network, ndim)).square().mean().backward()
    idle = [name for name, weight in model.named_parameters() if weight.requires_grad and weight.grad is None]
    assert not idle
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters() if weight.grad is not None)


@pytest.mark.parametrize("card", [pytest.param(card, id=card.id) for card in CARDS])
def test_field_and_stride_are_whole_numbers(card):
    network = load_network(card.module, card.options)
    assert network.stride >= 1
    assert network.receptive_field is None or network.receptive_field >= 1
