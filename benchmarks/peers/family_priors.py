# SPDX-License-Identifier: MIT
"""Priors of the family in PyTorch: log_prob(z) [rows], where no pair with the posterior has a closed form."""
import math

import family_flows as flows

import torch
from torch import nn

LOG_TWO_PI = math.log(2 * math.pi)


def gaussian_kl(mu, logvar, other_mu, other_logvar):
    """KL between diagonal Gaussians, by dimension."""
    difference = logvar - other_logvar
    return 0.5 * ((mu - other_mu).square() * torch.exp(-other_logvar) + difference.exp() - 1 - difference)


def log_volume(r):
    """log(r / sinh r)"""
    return torch.log(2 * r) - r - torch.log1p(-torch.exp(-2 * r))


def top_down_network(dims, hidden):
    lower, upper = dims
    return nn.Sequential(nn.Linear(upper, hidden), nn.LeakyReLU(), nn.Linear(hidden, 2 * lower))


class StandardNormal(nn.Module):
    def __init__(self, dim=0, features=0, classes=0):
        super().__init__()

    def log_prob(self, z):
        return -0.5 * (z.square().sum(1) + z.shape[1] * LOG_TWO_PI)

    def sample(self, count, dim):
        return torch.randn(count, dim)


def mixture_log_prob(z, mu, logvar, log_weights):
    """The squares of all pairs as products of matrices: no tensor [rows, components, dim]."""
    precision = torch.exp(-logvar)
    scaled = mu * precision
    constants = log_weights - 0.5 * ((mu * scaled + logvar).sum(1) + z.shape[1] * LOG_TWO_PI)
    joint = torch.addmm(constants, z, scaled.T)
    joint = torch.addmm(joint, z.square(), precision.T, alpha=-0.5)
    return torch.logsumexp(joint, 1)


class GaussianMixture(nn.Module):
    def __init__(self, dim, features, classes, components):
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(components))
        self.mu = nn.Parameter(torch.randn(components, dim))
        self.logvar = nn.Parameter(torch.zeros(components, dim))

    def log_prob(self, z):
        return mixture_log_prob(z, self.mu, self.logvar, torch.log_softmax(self.logits, 0))


class Vamp(nn.Module):
    """`encode` is the model's own, from inputs to the head of the posterior."""

    encode = None

    def __init__(self, dim, features, classes, components):
        super().__init__()
        self.pseudo_logits = nn.Parameter(torch.randn(components, features))

    def log_prob(self, z):
        mu, logvar = self.encode(torch.sigmoid(self.pseudo_logits)).chunk(2, 1)
        return mixture_log_prob(z, mu, logvar, -math.log(len(mu)))


class Flow(nn.Module):
    def __init__(self, dim, features, classes, length, flow):
        super().__init__()
        self.flow = flows.make(flow, dim, length)

    def log_prob(self, z):
        base, log_det = self.flow(z, None)
        return log_det - 0.5 * (base.square().sum(1) + z.shape[1] * LOG_TWO_PI)


class ConditionalGaussian(nn.Module):
    def __init__(self, dim, features, classes):
        super().__init__()
        self.head = nn.Linear(classes, 2 * dim)

    def set_condition(self, c):
        self.mu, self.logvar = self.head(c).chunk(2, 1)


class WrappedNormal(nn.Module):
    """Around the origin of the ball of curvature -1."""

    def __init__(self, dim, features, classes):
        super().__init__()

    def log_prob(self, z):
        distance = 2 * torch.atanh(z.norm(dim=1).clamp(1e-15, 1 - 1e-5))
        dim = z.shape[1]
        return -0.5 * (distance.square() + dim * LOG_TWO_PI) + (dim - 1) * log_volume(distance)


class Ladder(nn.Module):
    def __init__(self, dim, features, classes, dims, hidden, activation):
        super().__init__()
        self.networks = nn.ModuleList([top_down_network(dims, hidden)])


class ClosedForm(nn.Module):
    """Of which the posterior knows all."""

    def __init__(self, *sizes, **config):
        super().__init__()


TYPES = {"standard_normal": StandardNormal, "gaussian_mixture": GaussianMixture, "vamp": Vamp, "flow": Flow,
         "conditional_gaussian": ConditionalGaussian, "wrapped_normal": WrappedNormal, "ladder": Ladder,
         "sphere": ClosedForm, "categorical": ClosedForm, "codes": ClosedForm, "joint": ClosedForm}
