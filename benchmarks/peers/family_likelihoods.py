# SPDX-License-Identifier: MIT
"""Likelihoods of the family in PyTorch: log_prob(params, x) [n, K] of n inputs with K samples each."""
import math

import torch
import torch.nn.functional as F
from torch import nn

LOG_TWO_PI = math.log(2 * math.pi)


class Likelihood(nn.Module):
    def __init__(self, features, head):
        super().__init__()
        self.features, self.head = features, head


def with_samples(params, x):
    """params [n, K, features] and x as one that goes with them."""
    if len(params) == len(x):
        return params, x
    params = params.unflatten(0, (len(x), -1))
    return params, x[:, None].expand_as(params)


def sum_of_features(values):
    return values.sum(-1, keepdim=values.dim() == 2)


class Bernoulli(Likelihood):
    def __init__(self, features):
        super().__init__(features, features)

    def log_prob(self, params, x):
        logits, x = with_samples(params, x)
        return -sum_of_features(F.binary_cross_entropy_with_logits(logits, x, reduction="none"))


class Gaussian(Likelihood):
    """Its variance is 1, or a learned number for each feature."""

    def __init__(self, features, variance="fixed"):
        super().__init__(features, features)
        self.logvar = nn.Parameter(torch.zeros(features)) if variance == "per_feature" else None

    def log_prob(self, params, x):
        mu, x = with_samples(params, x)
        if self.logvar is None:
            return -0.5 * (sum_of_features((x - mu).square()) + self.features * LOG_TWO_PI)
        squares = sum_of_features((x - mu).square() * torch.exp(-self.logvar))
        return -0.5 * (squares + self.logvar.sum() + self.features * LOG_TWO_PI)


class Poisson(Likelihood):
    def __init__(self, features):
        super().__init__(features, features)

    def log_prob(self, params, x):
        return sum_of_features(x * params - params.exp() - torch.lgamma(x + 1))


def discretized_logistic(mu, log_scale, x):
    """log P of the levels k/255 next to x, the first and the last of which take all beyond."""
    inverse_scale = torch.exp(-log_scale)
    t = inverse_scale * (1 / 255)
    centre = (x - mu) * inverse_scale
    above = F.softplus(-(centre + 0.5 * t))
    below = F.softplus(centre - 0.5 * t)
    inside = torch.log(-torch.expm1(-t)) - above - below
    return torch.where(x <= 0, -above, torch.where(x >= 1, -below, inside))


class DiscretizedLogistic(Likelihood):
    def __init__(self, features, spread):
        super().__init__(features, 2 * features)

    def log_prob(self, params, x):
        return sum_of_features(discretized_logistic(*params.chunk(2, 1), x))


class DiscretizedLogisticMixture(Likelihood):
    def __init__(self, features, components):
        super().__init__(features, 3 * components * features)
        self.components = components

    def log_prob(self, params, x):
        logits, mu, log_scale = params.view(len(x), 3, self.components, self.features).unbind(1)
        joint = discretized_logistic(mu, log_scale, x[:, None]) + torch.log_softmax(logits, 1)
        return sum_of_features(torch.logsumexp(joint, 1))


class Categorical(Likelihood):
    def __init__(self, features, classes):
        super().__init__(features, classes * features)
        self.classes = classes

    def log_prob(self, params, x):
        losses = F.cross_entropy(params.reshape(-1, self.classes), x.long().flatten(), reduction="none")
        return -sum_of_features(losses.view_as(x))


class NegativeBinomial(Likelihood):
    """Means are shares of the sample's own total count, as in scVI."""

    def __init__(self, features, library_size):
        super().__init__(features, features)
        self.log_dispersion = nn.Parameter(torch.zeros(features))

    def log_prob(self, params, x):
        log_mean = torch.log_softmax(params, 1) + x.sum(1, keepdim=True).log()
        r = self.log_dispersion.exp()
        log_total = torch.log(r + log_mean.exp())
        values = (r * (self.log_dispersion - log_total) + x * (log_mean - log_total) + torch.lgamma(x + r)
                  - torch.lgamma(r) - torch.lgamma(x + 1))
        return sum_of_features(values)


class Columns(Likelihood):
    def __init__(self, features, groups):
        parts = [make(group["likelihood"], group["count"]) for group in groups]
        super().__init__(features, sum(part.head for part in parts))
        self.parts = nn.ModuleList(parts)

    def log_prob(self, params, x):
        heads = params.split([part.head for part in self.parts], 1)
        columns = x.split([part.features for part in self.parts], 1)
        return sum(part.log_prob(h, c) for part, h, c in zip(self.parts, heads, columns, strict=True))


def make(config, features):
    config = dict(config)
    return TYPES[config.pop("type")](features, **config)


TYPES = {"bernoulli": Bernoulli, "gaussian": Gaussian, "poisson": Poisson, "categorical": Categorical,
         "discretized_logistic": DiscretizedLogistic, "discretized_logistic_mixture": DiscretizedLogisticMixture,
         "negative_binomial": NegativeBinomial, "columns": Columns}
