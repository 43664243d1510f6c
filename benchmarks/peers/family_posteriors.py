# SPDX-License-Identifier: MIT
"""Posteriors of the family in PyTorch. `forward(params, samples)` draws K samples of each of n inputs; the result has

  z [n K, dim]; log_q() [n K]; mu and logvar where it is Gaussian; kl(prior) [n] where it has a closed form, else None;
  auxiliary_loss, a number
"""
import math

import family_flows as flows
import family_priors as priors
from scipy import special

import torch
import torch.nn.functional as F
from torch import nn

LOG_TWO_PI = math.log(2 * math.pi)


class Draw:
    auxiliary_loss = 0.0

    def kl(self, prior):
        return None


class GaussianDraw(Draw):
    def __init__(self, mu, logvar, samples=1):
        self.mu, self.logvar, self.samples = mu, logvar, samples
        self.deviation = torch.exp(0.5 * logvar)
        if samples == 1:
            self.epsilon = torch.randn_like(mu)
            self.z = torch.addcmul(mu, self.deviation, self.epsilon)
        else:
            self.epsilon = torch.randn(len(mu), samples, mu.shape[1])
            self.z = torch.addcmul(mu[:, None], self.deviation[:, None], self.epsilon).flatten(0, 1)

    def log_q(self):
        squares = self.epsilon.square().sum(-1)
        logvars = self.logvar.sum(1)
        if self.samples > 1:
            logvars = logvars[:, None]
        return (-0.5 * (squares + logvars + self.mu.shape[1] * LOG_TWO_PI)).flatten()

    def log_q_of_fixed_distribution(self):
        """The same, with a gradient through z alone."""
        z = self.z.unflatten(0, (len(self.mu), self.samples))
        whitened = (z - self.mu.detach()[:, None]) / self.deviation.detach()[:, None]
        logvars = self.logvar.detach().sum(1)[:, None]
        return (-0.5 * (whitened.square().sum(-1) + logvars + self.mu.shape[1] * LOG_TWO_PI)).flatten()

    def kl(self, prior):
        if isinstance(prior, priors.StandardNormal):
            return 0.5 * (self.mu.square() + self.logvar.exp() - 1 - self.logvar).sum(1)
        if isinstance(prior, priors.ConditionalGaussian):
            return priors.gaussian_kl(self.mu, self.logvar, prior.mu, prior.logvar).sum(1)
        return None


class Gaussian(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim, self.head = dim, 2 * dim

    def forward(self, params, samples):
        return GaussianDraw(*params.chunk(2, 1), samples)


class FullGaussianDraw(Draw):
    def __init__(self, mu, logvar, below, rows, columns):
        factor = mu.new_zeros(*mu.shape, mu.shape[1])
        factor = factor.index_put((slice_all(mu), rows, columns), below)
        deviation = torch.exp(0.5 * logvar)
        epsilon = torch.randn_like(mu)
        self.mu, self.logvar, self.below = mu, logvar, below
        self.z = mu + deviation * epsilon + torch.bmm(factor, epsilon[:, :, None])[:, :, 0]

    def kl(self, prior):
        squares = self.mu.square() + self.logvar.exp() - 1 - self.logvar
        return 0.5 * (squares.sum(1) + self.below.square().sum(1))


def slice_all(rows):
    return torch.arange(len(rows))[:, None]


class FullGaussian(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim, self.head = dim, dim * (dim + 3) // 2
        self.rows, self.columns = torch.tril_indices(dim, dim, -1)

    def forward(self, params, samples):
        mu, logvar, below = params.split([self.dim, self.dim, self.head - 2 * self.dim], 1)
        return FullGaussianDraw(mu, logvar, below, self.rows, self.columns)


class FlowDraw(Draw):
    def __init__(self, base, z, log_det):
        self.base, self.z, self.log_det = base, z, log_det

    def log_q(self):
        return self.base.log_q() - self.log_det


class Flow(nn.Module):
    def __init__(self, dim, length, flow):
        super().__init__()
        self.dim = dim
        self.flow = flows.make(flow, dim, length)
        self.head = 2 * dim + self.flow.parameter_count

    def forward(self, params, samples):
        mu, logvar, rest = params.split([self.dim, self.dim, self.head - 2 * self.dim], 1)
        base = GaussianDraw(mu, logvar)
        return FlowDraw(base, *self.flow(base.z, rest))


class SphereDivergence(torch.autograd.Function):
    """KL of a von Mises-Fisher distribution to the uniform one, whose derivative is k A'(k), A = E[cos t]."""

    @staticmethod
    def forward(ctx, kappa, dim):
        k = kappa.detach().double().numpy()
        order = dim / 2 - 1
        bessel = special.ive(order, k)
        mean = special.ive(order + 1, k) / bessel
        surface = math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)
        log_normalizer = torch.from_numpy(bessel).log_().add_(kappa).add_(dim / 2 * LOG_TWO_PI)
        log_normalizer -= order * kappa.double().log()
        mean = torch.from_numpy(mean)
        slope = kappa * (1 - mean.square() - (dim - 1) / kappa * mean)
        ctx.save_for_backward(slope.float())
        return (kappa * mean - log_normalizer + surface).float()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0], None


class VonMisesFisherDraw(Draw):
    """Wood's rejection sampler: the cosine from a beta variable, several candidates at once."""

    candidates = 6

    def __init__(self, direction, raw):
        dim = direction.shape[1]
        self.dim = dim
        mu = F.normalize(direction, dim=1)
        self.kappa = F.softplus(raw)
        root = torch.sqrt(4 * self.kappa.square() + (dim - 1) ** 2)
        b = (dim - 1) / (root + 2 * self.kappa)
        beta = self.accepted(b.detach(), self.kappa.detach())
        cosine = (1 - (1 + b) * beta) / (1 - (1 - b) * beta)
        noise = torch.randn_like(mu)
        tangent = F.normalize(noise - (noise * mu).sum(1, keepdim=True) * mu, dim=1)
        sine = torch.sqrt((1 - cosine.square()).clamp_min(1e-10))
        self.z = cosine * mu + sine * tangent

    def accepted(self, b, kappa):
        shape = (self.dim - 1) / 2
        x = (1 - b) / (1 + b)
        level = kappa * x + (self.dim - 1) * torch.log(1 - x.square())
        concentration = torch.full((len(b), self.candidates), shape)
        while True:
            gamma = torch._standard_gamma(concentration)
            beta = gamma / (gamma + torch._standard_gamma(concentration))
            w = (1 - (1 + b) * beta) / (1 - (1 - b) * beta)
            fits = kappa * w + (self.dim - 1) * torch.log(1 - x * w) - level >= torch.log(torch.rand_like(w))
            found, first = fits.max(1, keepdim=True)
            if found.all():
                return beta.gather(1, first)

    def kl(self, prior):
        return SphereDivergence.apply(self.kappa[:, 0], self.dim)


class VonMisesFisher(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim, self.head = dim, dim + 1

    def forward(self, params, samples):
        return VonMisesFisherDraw(*params.split([self.dim, 1], 1))


class PoincareDraw(Draw):
    """A wrapped normal in the ball of curvature -1."""

    def __init__(self, m, logvar):
        self.epsilon = torch.randn_like(m)
        self.logvar = logvar
        v = torch.exp(0.5 * logvar) * self.epsilon
        length = m.norm(dim=1, keepdim=True).clamp_min(1e-15)
        self.distance = v.norm(dim=1, keepdim=True).clamp_min(1e-15)
        x = torch.tanh(length) / length * m
        y = torch.tanh(0.5 * self.distance) / self.distance * v
        xx, yy, xy = x.square().sum(1, True), y.square().sum(1, True), (x * y).sum(1, True)
        self.z = ((1 + 2 * xy + yy) * x + (1 - xx) * y) / (1 + 2 * xy + xx * yy)

    def log_q(self):
        dim = self.logvar.shape[1]
        normal = -0.5 * (self.epsilon.square() + self.logvar).sum(1) - 0.5 * dim * LOG_TWO_PI
        return normal + (dim - 1) * priors.log_volume(self.distance[:, 0])


class Poincare(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim, self.head = dim, 2 * dim

    def forward(self, params, samples):
        return PoincareDraw(*params.chunk(2, 1))


class ConcreteDraw(Draw):
    def __init__(self, logits, temperature):
        self.logits = logits  # [n, variables, classes]
        gumbel = -torch.empty_like(logits).exponential_().log_()
        self.z = torch.softmax((logits + gumbel) / temperature, 2).flatten(1)

    def kl(self, prior):
        log_q = torch.log_softmax(self.logits, 2)
        return (log_q.exp() * (log_q + math.log(self.logits.shape[2]))).sum((1, 2))


class Concrete(nn.Module):
    def __init__(self, variables, classes, temperature):
        super().__init__()
        self.variables, self.classes, self.temperature = variables, classes, temperature
        self.dim = self.head = variables * classes

    def forward(self, params, samples):
        return ConcreteDraw(params.unflatten(1, (self.variables, self.classes)), self.temperature)


class JointDraw(Draw):
    def __init__(self, gaussian, concrete):
        self.gaussian, self.concrete = gaussian, concrete
        self.z = torch.cat([gaussian.z, concrete.z], 1)

    def kl(self, prior):
        return self.gaussian.kl(priors.StandardNormal()) + self.concrete.kl(None)


class Joint(nn.Module):
    def __init__(self, gaussian, concrete):
        super().__init__()
        self.gaussian, self.concrete = Gaussian(**gaussian), Concrete(**concrete)
        self.dim, self.head = self.gaussian.dim + self.concrete.dim, self.gaussian.head + self.concrete.head

    def forward(self, params, samples):
        numbers, logits = params.split([self.gaussian.head, self.concrete.head], 1)
        return JointDraw(self.gaussian(numbers, 1), self.concrete(logits, 1))


class CodesDraw(Draw):
    def __init__(self, latent, params):
        x = params.view(-1, latent.width)
        with torch.no_grad():
            codebook = latent.codebook
            scores = torch.addmm(0.5 * codebook.square().sum(1), x, codebook.T, alpha=-1)
            self.codes = scores.argmin(1)
            nearest = codebook[self.codes].view_as(params)
        self.x = x.detach()
        self.z = params + (nearest - params).detach()
        self.auxiliary_loss = 0.25 * (params - nearest).square().sum() / len(params)
        self.constant = latent.positions * math.log(len(latent.codebook))

    def kl(self, prior):
        return self.z.new_full((len(self.z),), self.constant)


class VectorQuantized(nn.Module):
    """Its codebook follows averages of the outputs that chose its codes."""

    decay, smoothing = 0.99, 1e-5

    def __init__(self, positions, width, codes):
        super().__init__()
        self.positions, self.width = positions, width
        self.dim = self.head = positions * width
        self.codebook = torch.randn(codes, width)
        self.counts, self.sums = torch.ones(codes), self.codebook.clone()

    def forward(self, params, samples):
        return CodesDraw(self, params)

    @torch.no_grad()
    def update(self, draw):
        codes = len(self.counts)
        self.counts.lerp_(torch.bincount(draw.codes, minlength=codes).float(), 1 - self.decay)
        self.sums.mul_(self.decay).index_add_(0, draw.codes, draw.x, alpha=1 - self.decay)
        total = self.counts.sum()
        smoothed = (self.counts + self.smoothing) * (total / (total + codes * self.smoothing))
        torch.div(self.sums, smoothed[:, None], out=self.codebook)


class LadderDraw(Draw):
    def __init__(self, latent, params):
        lower, upper = latent.dims
        mu, logvar, top_mu, top_logvar = params.split([lower, lower, upper, upper], 1)
        self.top = GaussianDraw(top_mu, top_logvar)
        other_mu, other_logvar = latent.networks[0](self.top.z).chunk(2, 1)
        difference = logvar - other_logvar
        mixed = torch.lerp(mu, other_mu, torch.sigmoid(difference))
        self.low = GaussianDraw(mixed, logvar - F.softplus(difference))
        self.z = torch.cat([self.low.z, self.top.z], 1)

    def kl(self, prior):
        mu, logvar = prior.networks[0](self.top.z).chunk(2, 1)
        low = priors.gaussian_kl(self.low.mu, self.low.logvar, mu, logvar).sum(1)
        return low + self.top.kl(priors.StandardNormal())


class Ladder(nn.Module):
    def __init__(self, dims, hidden, activation):
        super().__init__()
        self.dims, self.dim, self.head = dims, sum(dims), 2 * sum(dims)
        self.networks = nn.ModuleList([priors.top_down_network(dims, hidden)])

    def forward(self, params, samples):
        return LadderDraw(self, params)


TYPES = {"gaussian": Gaussian, "full_gaussian": FullGaussian, "flow": Flow, "von_mises_fisher": VonMisesFisher,
         "poincare": Poincare, "concrete": Concrete, "joint": Joint, "vector_quantized": VectorQuantized,
         "ladder": Ladder}
