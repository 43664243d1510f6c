# SPDX-License-Identifier: MIT
"""Objectives of the family in PyTorch: loss(draw, prior, log_likelihood [n, K]), a scalar."""
import math

import torch
import torch.nn.functional as F
from torch import nn

LOG_TWO_PI = math.log(2 * math.pi)


class Objective:
    samples = 1
    deterministic = False

    def learn(self, draw):
        """What it trains beside the model."""


def divergence(draw, prior):
    """KL(q || p) of each input; without a closed form its estimate."""
    kl = draw.kl(prior)
    return draw.log_q() - prior.log_prob(draw.z) if kl is None else kl


class Elbo(Objective):
    def loss(self, draw, prior, log_likelihood):
        return (divergence(draw, prior).sum() - log_likelihood.sum()) / len(log_likelihood)


class ImportanceWeighted(Objective):
    """log 1/K sum w^(1 - alpha), in `groups` groups."""

    def __init__(self, samples, groups=1, alpha=0.0, gradient="standard"):
        self.samples, self.groups, self.scale = samples, groups, 1 - alpha
        self.doubly_reparameterized = gradient == "doubly_reparameterized"

    def loss(self, draw, prior, log_likelihood):
        log_p = prior.log_prob(draw.z).view_as(log_likelihood)
        if self.doubly_reparameterized:
            return self.doubly_reparameterized_loss(draw, log_p + log_likelihood)
        log_w = self.scale * (log_likelihood + log_p - draw.log_q().view_as(log_p))
        log_w = log_w.unflatten(1, (self.groups, -1))
        return (math.log(log_w.shape[2]) - torch.logsumexp(log_w, 2).mean()) / self.scale

    def doubly_reparameterized_loss(self, draw, log_joint):
        """Its value is another; its gradient is that of the bound, the encoder's by Tucker et al."""
        log_w = log_joint - draw.log_q_of_fixed_distribution().view_as(log_joint)
        with torch.no_grad():
            weights = torch.softmax(log_w, 1)
        if draw.z.requires_grad:
            draw.z.register_hook(lambda gradient: gradient * weights.view(-1, 1))
            return -(weights * log_w).sum() / len(log_w)
        return math.log(log_w.shape[1]) - torch.logsumexp(log_w, 1).mean()


class BetaTcvae(Objective):
    def __init__(self, beta, dataset_size):
        self.beta, self.dataset_size = beta, dataset_size

    def loss(self, draw, prior, log_likelihood):
        n, log_weight = len(draw.mu), math.log(len(draw.mu) * self.dataset_size)
        squares = (draw.z[:, None] - draw.mu).square() * torch.exp(-draw.logvar)
        densities = -0.5 * (squares + draw.logvar + LOG_TWO_PI)  # [n, n, dim]
        joint = torch.logsumexp(densities.sum(2), 1) - log_weight
        marginals = torch.logsumexp(densities, 1).sum(1) - log_weight * draw.mu.shape[1]
        terms = draw.log_q() - joint + self.beta * (joint - marginals) + marginals - prior.log_prob(draw.z)
        return (terms.sum() - log_likelihood.sum()) / n


class DipVae(Objective):
    """II: of the covariance of z."""

    def __init__(self, variant):
        pass

    def loss(self, draw, prior, log_likelihood):
        n = len(draw.mu)
        centred = draw.mu - draw.mu.mean(0)
        covariance = centred.T @ centred / n
        variances = covariance.diagonal() + draw.logvar.exp().mean(0)
        off_diagonal = covariance.square().sum() - covariance.diagonal().square().sum()
        penalty = 10 * off_diagonal + 100 * (variances - 1).square().sum()
        return (draw.kl(prior).sum() - log_likelihood.sum()) / n + penalty


def maximum_mean_discrepancy(z, p, kernel, at_zero):
    """The unbiased estimate, from one matrix of squared distances of all points."""
    m = len(z)
    points = torch.cat([z, p])
    squares = points.square().sum(1)
    k = kernel(torch.addmm(squares[:, None] + squares, points, points.T, alpha=-2).clamp_min(0))
    within = k[:m, :m].sum() + k[m:, m:].sum() - 2 * m * at_zero
    return within / (m * (m - 1)) - 2 * k[:m, m:].mean()


class InfoVae(Objective):
    def __init__(self, alpha, lambda_):
        self.weight = alpha + lambda_ - 1

    def loss(self, draw, prior, log_likelihood):
        dim = draw.z.shape[1]
        discrepancy = maximum_mean_discrepancy(draw.z, prior.sample(*draw.z.shape),
                                               lambda s: torch.exp(s / (-2 * dim)), 1)
        elbo_loss = (draw.kl(prior).sum() - log_likelihood.sum()) / len(log_likelihood)
        return elbo_loss + self.weight * discrepancy


class WaeMmd(Objective):
    def __init__(self, lambda_):
        self.weight = lambda_
        self.scales = torch.tensor([0.1, 0.2, 0.5, 1, 2, 5, 10])[:, None, None]

    def loss(self, draw, prior, log_likelihood):
        widths = 2 * draw.z.shape[1] * self.scales
        discrepancy = maximum_mean_discrepancy(draw.z, prior.sample(*draw.z.shape),
                                               lambda s: (widths / (widths + s)).sum(0), len(widths))
        return self.weight * discrepancy - log_likelihood.sum() / len(log_likelihood)


class Rae(Objective):
    """The decoder's decay is the optimizer's."""

    deterministic = True
    decoder_decay = 1e-6

    def loss(self, draw, prior, log_likelihood):
        return (0.5e-4 * draw.mu.square().sum() - log_likelihood.sum()) / len(log_likelihood)


class FactorVae(Objective):
    """What the discriminator says of z serves both losses."""

    gamma, depth, units = 35.0, 5, 1000

    def make_critic(self, dim, fill):
        layers = []
        for i in range(self.depth):
            layers += [nn.Linear(dim if i == 0 else self.units, self.units), nn.LeakyReLU()]
        self.critic = nn.Sequential(*layers, nn.Linear(self.units, 1))
        fill(self.critic)
        self.optimizer = torch.optim.Adam(self.critic.parameters(), lr=1e-4, betas=(0.5, 0.9), fused=True)

    def loss(self, draw, prior, log_likelihood):
        self.ratio = self.critic(draw.z)
        elbo_loss = (draw.kl(prior).sum() - log_likelihood.sum()) / len(log_likelihood)
        return elbo_loss + self.gamma * self.ratio.mean()

    def learn(self, draw):
        z = draw.z.detach()
        shuffled = z.gather(0, torch.rand_like(z).argsort(0))
        loss = 0.5 * (F.softplus(-self.ratio).mean() + F.softplus(self.critic(shuffled)).mean())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=list(self.critic.parameters()))
        self.optimizer.step()


def make(config):
    config = {{"lambda": "lambda_"}.get(key, key): value for key, value in config.items()}
    return TYPES[config.pop("type")](**config)


TYPES = {"elbo": Elbo, "iwae": ImportanceWeighted, "miwae": ImportanceWeighted, "renyi": ImportanceWeighted,
         "beta_tcvae": BetaTcvae, "dip_vae": DipVae, "info_vae": InfoVae, "wae_mmd": WaeMmd, "rae_l2": Rae,
         "factor_vae": FactorVae}
