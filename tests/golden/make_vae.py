#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the golden files of the likelihoods, the whole model and the optimizers beside itself.

Needs torch (2.13.0 made the files in the repository) and safetensors. Inputs are stored in float32, so that a test
in float and one in double start from the same numbers; expected results are computed and stored in float64.
"""

import pathlib

import torch
from safetensors.torch import save_file
from torch.nn import functional

FOLDER = pathlib.Path(__file__).parent
ACTIVATIONS = {
    "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh,
    "softplus": functional.softplus,
}


def save(name, inputs, expected):
    assert all(torch.equal(value, value.float().double()) for value in inputs.values())
    tensors = {key: value.detach().float().contiguous() for key, value in inputs.items()}
    tensors |= {key: value.detach().double().contiguous() for key, value in expected.items()}
    save_file(tensors, FOLDER / f"{name}.safetensors")


def randn(generator, *shape, scale=1.0):
    """Normal values that float32 holds exactly, in float64."""
    return (scale * torch.randn(*shape, generator=generator)).float().double()


def likelihoods():
    """Log-likelihoods, the divergence and their gradients, from torch.distributions where it has them."""
    g = torch.Generator().manual_seed(1)
    logits = randn(g, 6, 11, scale=4).requires_grad_()
    grey = torch.rand(3, 11, generator=g).float().double()
    mu = randn(g, 6, 11).requires_grad_()
    x = randn(g, 3, 11)
    logvar = torch.tensor([-0.75], dtype=torch.float64, requires_grad=True)
    dout = randn(g, 6)
    q_mu = randn(g, 4, 7, scale=2).requires_grad_()
    q_logvar = randn(g, 4, 7, scale=2).requires_grad_()
    dkl = randn(g, 4, 7)
    z = randn(g, 8, 7, scale=2)

    repeated = grey.repeat_interleave(2, dim=0)
    bernoulli = -functional.binary_cross_entropy_with_logits(logits, repeated, reduction="none").sum(1)
    normal = torch.distributions.Normal(mu, torch.exp(logvar / 2).expand_as(mu))
    gaussian = normal.log_prob(x.repeat_interleave(2, dim=0)).sum(1)
    q = torch.distributions.Normal(q_mu, torch.exp(q_logvar / 2))
    p = torch.distributions.Normal(torch.zeros_like(q_mu), torch.ones_like(q_mu))
    kl = torch.distributions.kl_divergence(q, p)
    (bernoulli @ dout + gaussian @ dout + (kl * dkl).sum()).backward()

    wide = torch.distributions.Normal(
        q_mu.repeat_interleave(2, dim=0), torch.exp(q_logvar / 2).repeat_interleave(2, dim=0)
    )
    save(
        "likelihoods",
        {"logits": logits, "grey": grey, "mu": mu, "x": x, "logvar": logvar, "dout": dout, "q_mu": q_mu,
         "q_logvar": q_logvar, "dkl": dkl, "z": z},
        {"bernoulli": bernoulli, "bernoulli_gradient": logits.grad, "bernoulli_mean": torch.sigmoid(logits),
         "gaussian": gaussian, "gaussian_gradient": mu.grad, "gaussian_logvar_gradient": logvar.grad, "kl": kl,
         "kl_mu_gradient": q_mu.grad, "kl_logvar_gradient": q_logvar.grad, "log_q": wide.log_prob(z).sum(1),
         "log_p": torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)},
    )  # fmt: skip


class Parameters(dict):
    def dense(self, generator, name, inputs, units):
        self[f"{name}.weight"] = randn(generator, units, inputs, scale=0.5)
        self[f"{name}.bias"] = randn(generator, units, scale=0.2)


def chain(parameters, layers, prefix, h):
    for i, (kind, _, activation) in enumerate(layers):
        weight, bias = parameters[f"{prefix}.{i}.weight"], parameters[f"{prefix}.{i}.bias"]
        if kind == "dense":
            h = ACTIVATIONS[activation](functional.linear(h, weight, bias))
        else:
            h = functional.layer_norm(h, h.shape[-1:], weight, bias)
    return h


def make_chain(parameters, generator, layers, prefix, width):
    for i, (kind, units, _) in enumerate(layers):
        if kind == "dense":
            parameters.dense(generator, f"{prefix}.{i}", width, units)
            width = units
        else:
            parameters[f"{prefix}.{i}.weight"] = (1 + randn(generator, width, scale=0.2)).float().double()
            parameters[f"{prefix}.{i}.bias"] = randn(generator, width, scale=0.2)
    return width


def vae(name, seed, encoder, decoder, likelihood, samples, beta, free_bits, clamped_dimension=None):
    """One forward and backward pass of a VAE, written plainly."""
    features, dim, batch = 9, 3, 5
    g = torch.Generator().manual_seed(seed)
    w = Parameters()
    w.dense(g, "posterior_head", make_chain(w, g, encoder, "encoder", features), 2 * dim)
    w.dense(g, "likelihood_head", make_chain(w, g, decoder, "decoder", dim), features)
    if clamped_dimension is not None:
        w["posterior_head.bias"][dim + clamped_dimension] = -40
    if likelihood == "gaussian_learned":
        w["likelihood.logvar"] = torch.tensor([-0.5], dtype=torch.float64)
    for tensor in w.values():
        tensor.requires_grad_()
    x = randn(g, batch, features)
    if likelihood == "bernoulli":
        x = torch.sigmoid(x).float().double()
    epsilon = randn(g, batch * samples, dim)

    posterior = functional.linear(
        chain(w, encoder, "encoder", x), w["posterior_head.weight"], w["posterior_head.bias"]
    )
    mu, raw = posterior[:, :dim], posterior[:, dim:]
    logvar = torch.clamp(raw, -30, 20)
    deviation = torch.exp(logvar / 2)
    z = mu.repeat_interleave(samples, 0) + deviation.repeat_interleave(samples, 0) * epsilon

    def decode(latent):
        hidden = chain(w, decoder, "decoder", latent)
        return functional.linear(hidden, w["likelihood_head.weight"], w["likelihood_head.bias"])

    head, target = decode(z), x.repeat_interleave(samples, 0)
    if likelihood == "bernoulli":
        log_likelihood = -functional.binary_cross_entropy_with_logits(head, target, reduction="none").sum(1)
        mean = torch.sigmoid(decode(mu))
    else:
        scale = torch.exp(w["likelihood.logvar"] / 2) if "likelihood.logvar" in w else torch.tensor(0.5)
        log_likelihood = torch.distributions.Normal(head, scale.double().expand_as(head)).log_prob(target).sum(1)
        mean = decode(mu)
    kl = 0.5 * (mu**2 + torch.exp(logvar) - 1 - logvar)
    by_dimension = kl.mean(0)
    penalty = torch.clamp(by_dimension, min=free_bits).sum() if free_bits > 0 else by_dimension.sum()
    loss = beta * penalty - log_likelihood.mean()
    loss.backward()
    print(name, "loss", loss.item(), "KL by dimension", by_dimension.tolist())
    if likelihood == "gaussian_learned":
        assert (by_dimension < free_bits).any() and (by_dimension > free_bits).any()

    save(
        f"vae_{name}",
        {f"weights.{key}": value for key, value in w.items()} | {"x": x, "epsilon": epsilon},
        {f"grad.{key}": value.grad for key, value in w.items()}
        | {"mu": mu, "logvar": logvar, "z": z, "log_likelihood": log_likelihood.reshape(batch, samples), "kl": kl,
           "mean": mean, "loss": loss.reshape(1), "reconstruction": log_likelihood.mean().reshape(1),
           "total_kl": kl.sum(1).mean().reshape(1)},
    )  # fmt: skip


def optimizers():
    """Ten steps of each optimizer on a two-layer model, with given gradients of very different sizes."""
    g = torch.Generator().manual_seed(3)
    shapes = {"0.weight": (5, 4), "0.bias": (5,), "1.weight": (3, 5), "1.bias": (3,)}
    start = {key: randn(g, *shape) for key, shape in shapes.items()}
    gradients = {
        key: randn(g, 10, *shape) * (10.0 ** torch.randint(-4, 2, (1, *shape), generator=g)) for key, shape in shapes.items()
    }
    gradients = {key: value.float().double() for key, value in gradients.items()}
    inputs = {f"start.{key}": value for key, value in start.items()}
    inputs |= {f"grad.{key}": value.reshape(10, -1) for key, value in gradients.items()}
    expected = {}
    cases = {
        "adam": (torch.optim.Adam, {"lr": 0.01}),
        "adam_epsilon": (torch.optim.Adam, {"lr": 0.1, "betas": (0.8, 0.95), "eps": 0.01}),
        "adam_decay": (torch.optim.Adam, {"lr": 0.05, "weight_decay": 0.1}),
        "adamw": (torch.optim.AdamW, {"lr": 0.05, "weight_decay": 0.1}),
        "sgd": (torch.optim.SGD, {"lr": 0.1}),
        "sgd_momentum": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
        "sgd_nesterov": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        "sgd_decay": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.1}),
        "sgd_everything": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.5, "nesterov": True, "weight_decay": 0.1}),
    }  # fmt: skip
    for name, (kind, settings) in cases.items():
        model = {key: value.clone().requires_grad_() for key, value in start.items()}
        optimizer = kind(model.values(), **settings)
        for step in range(10):
            for key, value in model.items():
                value.grad = gradients[key][step].clone()
            optimizer.step()
            if step in (0, 9):
                expected |= {f"{name}.{step + 1}.{key}": value.detach().clone() for key, value in model.items()}
    save("optimizers", inputs, expected)


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    likelihoods()
    vae("bernoulli", 11, [("dense", 7, "relu")], [("dense", 6, "relu")], "bernoulli", 1, 1.0, 0.0)
    vae(
        "gaussian",
        12,
        [("dense", 8, "tanh"), ("layer_norm", 8, None), ("dense", 6, "gelu")],
        [("dense", 6, "silu"), ("dense", 5, "softplus")],
        "gaussian",
        3,
        0.7,
        0.0,
    )
    # The second dimension lies below the free bits, the third is clamped.
    vae(
        "gaussian_learned",
        13,
        [("dense", 7, "elu")],
        [("dense", 6, "leaky_relu")],
        "gaussian_learned",
        2,
        4.0,
        5.0,
        clamped_dimension=2,
    )
    optimizers()
