#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes aggregate.safetensors beside itself: log-densities of an aggregate posterior and of its marginals.

Needs torch (2.13.0 made the file in the repository) and safetensors.
"""

import math

import torch
from make_vae import randn, save

INPUTS, DIM = 70, 3


def main():
    g = torch.Generator().manual_seed(12)
    inputs = {"mu": randn(g, INPUTS, DIM), "logvar": randn(g, INPUTS, DIM), "z": randn(g, 90, DIM)}
    posteriors = torch.distributions.Normal(inputs["mu"][None], torch.exp(inputs["logvar"] / 2)[None])
    log_density = posteriors.log_prob(inputs["z"][:, None])
    below = inputs["below"] = 0.5 * randn(g, INPUTS, DIM * (DIM - 1) // 2)  # rows of the factor
    factor = torch.diag_embed(torch.exp(inputs["logvar"] / 2))
    factor[:, *torch.tril_indices(DIM, DIM, -1)] = below
    correlated = torch.distributions.MultivariateNormal(inputs["mu"][None], scale_tril=factor[None])
    save("aggregate", inputs, {
        "joint": torch.logsumexp(log_density.sum(2), 1) - math.log(INPUTS),
        "joint_full": torch.logsumexp(correlated.log_prob(inputs["z"][:, None]), 1) - math.log(INPUTS),
        "marginals": (torch.logsumexp(log_density, 1) - math.log(INPUTS)).sum(1),
    })


if __name__ == "__main__":
    main()
