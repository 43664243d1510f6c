#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes continuous.safetensors beside itself: values, means and gradients of the continuous and discretized
likelihoods, from torch.distributions where it has them, else the formula of the paper. See make_vae.py."""

import torch
from make_vae import randn, save

ROWS, FEATURES, SAMPLES, COMPONENTS = 6, 11, 2, 3


def distribution(name, expected, value, dout, mean, parameters):
    """Log-probabilities of the rows, and the gradients of all parameters under the upstream gradient dout."""
    log_prob = value.sum(1)
    (log_prob @ dout).backward()
    expected[name] = log_prob
    expected[f"{name}_mean"] = mean.clone()
    for key, parameter in parameters.items():
        expected[f"{name}_{key}_gradient"] = parameter.grad.clone()
        parameter.grad = None


def logistic_levels(x, mu, log_scale):
    """P of the level k/255 next to x, as equation 2 of PixelCNN++ has it: a difference of sigmoids, taken on the side
    of the location where they are small."""
    x = torch.round(255 * x) / 255
    above = (x + 1 / 510 - mu) * torch.exp(-log_scale)
    below = (x - 1 / 510 - mu) * torch.exp(-log_scale)
    side = torch.where(x > mu, -1.0, 1.0)
    inner = side * (torch.sigmoid(side * above) - torch.sigmoid(side * below))
    return torch.where(x == 0, torch.sigmoid(above), torch.where(x == 1, torch.sigmoid(-below), inner))


def mean_of_levels(probability):
    """Σ k/255 P(k); `probability` takes all levels in a new first dimension."""
    levels = (torch.arange(256) / 255).reshape(256, 1, 1)
    p = probability(levels)
    assert torch.allclose(p.sum(0), torch.ones(()), atol=1e-13)
    return (levels * p).sum(0)


def main():
    g = torch.Generator().manual_seed(21)
    inputs, expected = {}, {}

    def parameter(name, *shape, scale=1.0, shift=0.0):
        inputs[name] = (shift + randn(g, *shape, scale=scale)).float().double().requires_grad_()
        return inputs[name]

    dout = inputs["dout"] = randn(g, ROWS)
    x = inputs["x"] = randn(g, ROWS // SAMPLES, FEATURES, scale=2)
    grey = inputs["grey"] = torch.rand(ROWS // SAMPLES, FEATURES, generator=g).float().double()
    grey[0, 0], grey[1, 3], grey[2, 7], grey[2, 8] = 0, 1, 0, 1
    wide, wide_grey = x.repeat_interleave(SAMPLES, 0), grey.repeat_interleave(SAMPLES, 0)

    mu = parameter("mu", ROWS, FEATURES)
    log_scale = parameter("log_scale", ROWS, FEATURES, scale=0.7)
    laplace = torch.distributions.Laplace(mu, torch.exp(log_scale))
    distribution("laplace", expected, laplace.log_prob(wide), dout, laplace.mean, {"mu": mu, "log_scale": log_scale})

    log_freedom = parameter("log_freedom", ROWS, FEATURES, scale=2)
    student = torch.distributions.StudentT(torch.exp(log_freedom), mu, torch.exp(log_scale))
    distribution(
        "student_t", expected, student.log_prob(wide), dout, mu,
        {"mu": mu, "log_scale": log_scale, "log_freedom": log_freedom},
    )  # fmt: skip

    logits = parameter("logits", ROWS, FEATURES, scale=4)
    continuous = torch.distributions.ContinuousBernoulli(logits=logits)
    distribution(
        "continuous_bernoulli", expected, continuous.log_prob(wide_grey), dout, continuous.mean, {"logits": logits}
    )

    location = parameter("location", ROWS, FEATURES, scale=0.3, shift=0.5)
    width = parameter("width", 1, FEATURES, scale=0.5, shift=-2.5)
    distribution(
        "discretized_logistic", expected, torch.log(logistic_levels(wide_grey, location, width)), dout,
        mean_of_levels(lambda levels: logistic_levels(levels, location, width)),
        {"location": location, "width": width},
    )  # fmt: skip

    head = parameter("mixture_head", ROWS, 3 * COMPONENTS * FEATURES)
    with torch.no_grad():
        head[:, COMPONENTS * FEATURES : 2 * COMPONENTS * FEATURES] *= 0.5
        head[:, 2 * COMPONENTS * FEATURES :] -= 3
        head.copy_(head.float().double())
    weights, means, scales = head.reshape(ROWS, 3, COMPONENTS, FEATURES).unbind(1)
    weights = torch.softmax(weights, 1)

    def mixture(values):
        parts = [logistic_levels(values, means[:, k], scales[:, k]) * weights[:, k] for k in range(COMPONENTS)]
        return sum(parts)

    distribution(
        "mixture", expected, torch.log(mixture(wide_grey)), dout, mean_of_levels(mixture), {"head": head}
    )
    save("continuous", inputs, expected)


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    main()
