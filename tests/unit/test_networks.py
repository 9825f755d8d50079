"""Networks: the published sizes of FCRN-A and FCRN-B, found by name, options checked."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from dotbench.errors import UserError
from dotbench.inference.device import choose
from dotbench.inference.tiles import forward
from dotbench.networks import load_network
from dotbench.training.losses import pixel_loss


def fcrn_a(**options):
    return load_network("dotbench.networks.fcrn_a", options)


@pytest.mark.parametrize(
    ("name", "channels", "parameters"),
    [
        ("fcrn_a", 1, 1_365_249),
        ("fcrn_a", 3, 1_365_825),
        ("fcrn_b", 1, 3_671_553),
        ("fcrn_b", 3, 3_672_129),
    ],
)
def test_published_number_of_parameters(name, channels, parameters):
    model = load_network(f"dotbench.networks.{name}", {}).build(channels, 2)
    assert sum(weight.numel() for weight in model.parameters()) == parameters


def linear(model):
    """Every layer passes on every input, so that gradients show all that an output can depend on."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.abs_().add_(1e-3)
    model.pool = functional.avg_pool2d
    return model.double()


def reach(output, image):
    (gradient,) = torch.autograd.grad(output, image)
    lines = gradient[0, 0].abs().sum(1).nonzero()
    return int(lines.min()), int(lines.max())


@pytest.mark.parametrize(("name", "field"), [("fcrn_a", 38), ("fcrn_b", 32)])
def test_the_encoder_sees_as_far_as_published(name, field):
    network = load_network(f"dotbench.networks.{name}", {})
    model = linear(network.build(1, 2))
    image = torch.rand(1, 1, 96, 8, dtype=torch.float64, requires_grad=True)
    low, high = reach(model.encode(image)[0, 0, 48 // network.stride, 0], image)
    assert high - low + 1 == field


@pytest.mark.parametrize("name", ["fcrn_a", "fcrn_b", "unet"])
def test_no_output_depends_on_more_than_the_receptive_field(name):
    network = load_network(f"dotbench.networks.{name}", {})
    model = linear(network.build(1, 2))
    middle = network.receptive_field
    image = torch.rand(1, 1, 2 * middle + -2 * middle % 8, 8, dtype=torch.float64, requires_grad=True)
    output = model(image)
    farthest = 0
    for line in range(middle, middle + 8):
        low, high = reach(output[0, 0, line, 0], image)
        farthest = max(farthest, line - low, high - line)
        image.grad, output = None, model(image)
    assert 2 * farthest + 1 == network.receptive_field


def test_unknown_network_and_options():
    with pytest.raises(UserError, match="did you mean 'fcrn_a'"):
        load_network("dotbench.networks.fcrn_aa", {})
    with pytest.raises(UserError, match="unknown option 'width'; did you mean 'widths'"):
        fcrn_a(width=3)
    with pytest.raises(UserError, match="bottleneck"):
        fcrn_a(bottleneck=-1)


@pytest.mark.parametrize(
    ("put_out", "says"),
    [
        (lambda x: x[..., ::2, ::2], r"a Tensor of shape \[2, 1, 4, 4\]"),
        (lambda x: torch.cat([x, x], dim=1), r"a Tensor of shape \[2, 2, 8, 8\]"),
        (lambda x: x[:, 0], r"a Tensor of shape \[2, 8, 8\]"),
        (lambda x: x.sum(), r"a Tensor of shape \[\]"),
        (lambda x: (x, x), "puts out a tuple"),
    ],
)
def test_maps_that_do_not_fit_are_refused_before_they_are_broadcast(put_out, says):
    x = torch.zeros(2, 1, 8, 8)
    with pytest.raises(UserError, match=says):
        pixel_loss("mse", put_out(x), x, None)


def test_prediction_refuses_maps_of_another_size():
    x, compute = torch.zeros(1, 1, 8, 8), choose("cpu", deterministic=True)
    assert forward(torch.nn.Conv2d(1, 2, 3, padding=1), x, 1, compute).shape == (1, 2, 8, 8)
    with pytest.raises(UserError, match="padding keeps the size"):
        forward(torch.nn.Conv2d(1, 1, 3), x, 1, compute)


def test_a_file_that_lacks_something(monkeypatch):
    monkeypatch.delattr("dotbench.networks.fcrn_a.receptive_field")
    with pytest.raises(UserError, match="has no receptive_field"):
        fcrn_a()


# --- NuMorph's U-Net -------------------------------------------------------------------------------------------------


def test_numorph_s_unet_has_the_weights_of_the_published_one():
    from dotbench.networks import numorph_unet

    model = numorph_unet.build(numorph_unet.Options(), 1, 3)
    assert sum(weight.numel() for weight in model.parameters()) == 33_057_795  # 33.06 M


def test_numorph_s_dice_looks_along_z():
    from dotbench.networks.numorph_unet import dice_loss

    target = torch.zeros(1, 1, 4, 2, 2)
    target[0, 0, 1:3, 0, 0] = 1
    assert dice_loss(target, target, None, "lines") == 0
    nothing = torch.zeros_like(target)
    # Of four lines one is wrong, by (0 + 1) / (1 + 1); as a whole it is all wrong by as much.
    assert dice_loss(nothing, target, None, "lines") == pytest.approx(0.5 / 4)
    assert dice_loss(nothing, target, None, "volume") == pytest.approx(0.5)
    # Where the loss may not look nothing is wrong.
    assert dice_loss(nothing, target, 1 - target, "lines") == 0
