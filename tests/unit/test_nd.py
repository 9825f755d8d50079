"""Layers in two and three dimensions."""

import pytest
import torch

from dotbench.networks import nd


@pytest.mark.parametrize("space", [(6, 5), (4, 6, 5), (1, 1)])
def test_instance_norm_on_a_cpu_is_that_of_pytorch(space):
    torch.manual_seed(0)
    x = torch.randn(3, 4, *space, requires_grad=True)
    norm = nd.InstanceNorm(4, eps=1e-3)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    plain = torch.nn.GroupNorm(4, 4, eps=1e-3)
    plain.load_state_dict(norm.state_dict())
    found, wanted = norm(x), plain(x)
    torch.testing.assert_close(found, wanted)
    factor = torch.randn_like(found)
    inputs = [torch.autograd.grad((y * factor).sum(), x)[0] for y in (found, wanted)]
    torch.testing.assert_close(*inputs)
