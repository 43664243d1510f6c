# SPDX-License-Identifier: MIT
"""Training steps in PyTorch eager of the models in benchmarks/family.json, which end_to_end/family.cpp measures.

Topics: family, then parts of the names of the cases to measure, all by default.
"""
import json
import math
import pathlib

import workloads as w
from options import OPTIONS

import family_likelihoods
import family_objectives
import family_posteriors
import family_priors
import torch
from torch import nn

PEER = "PyTorch eager"
CASES = json.loads((pathlib.Path(__file__).parents[1] / "family.json").read_text())["cases"]
BATCHES = 4  # different batches, in turn
CHECK_DRAWS = 16  # of noise, over which the results that peers must share are averaged
CRITIC_LIST = 1000  # of random numbers, for the first tensor of a discriminator
SAMPLE_SECONDS = 0.02  # steps that make one sample take at least as long
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "softplus": nn.Softplus, "leaky_relu": nn.LeakyReLU}


class Gated(nn.Module):
    def __init__(self, inputs, units):
        super().__init__()
        self.h, self.g = nn.Linear(inputs, units), nn.Linear(inputs, units)

    def forward(self, x):
        return self.h(x) * torch.sigmoid(self.g(x))


def network(layers, inputs):
    """The layers and the number of their outputs."""
    parts = []
    for layer in layers:
        units = layer["units"]
        parts += [Gated(inputs, units)] if layer["type"] == "gated_dense" else [
            nn.Linear(inputs, units), ACTIVATIONS[layer["activation"]]()]
        inputs = units
    return nn.Sequential(*parts), inputs


def make(types, config, *args):
    config = dict(config)
    return types[config.pop("type")](*args, **config)


def fill_parameters(model, first_list=0):
    """As support/workload.hpp does."""
    bound = 1.0
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters(), first_list):
            if parameter.dim() == 2:
                bound = 1 / math.sqrt(parameter.shape[1])
            values = bound * w.uniform(number, parameter.numel())
            parameter.copy_(torch.from_numpy(values.reshape(parameter.shape).astype("float32")))


class Vae(nn.Module):
    def __init__(self, config, features, classes):
        super().__init__()
        self.features, self.classes = features, classes
        self.encoder, encoded = network(config["encoder"], features + classes)
        latent = make(family_posteriors.TYPES, config["latent"])
        self.posterior_head, self.latent = nn.Linear(encoded, latent.head), latent
        self.prior = make(family_priors.TYPES, config.get("prior", {"type": "standard_normal"}), latent.dim, features,
                          classes)
        self.decoder, decoded = network(config["decoder"], latent.dim + classes)
        likelihood = family_likelihoods.make(config["likelihood"], features)
        self.likelihood_head, self.likelihood = nn.Linear(decoded, likelihood.head), likelihood
        if isinstance(self.prior, family_priors.Vamp):
            self.prior.encode = lambda x: self.posterior_head(self.encoder(x))
        self.classifier = None
        if "classifier" in config:
            layers, hidden = network(config["classifier"]["layers"], features)
            self.classifier = nn.Sequential(layers, nn.Linear(hidden, classes))
            self.classifier_weight = config["classifier"]["weight"]

    def forward(self, x, objective):
        """What the posterior drew and log p(x|z) [n, K]."""
        draw = self.latent(self.posterior_head(self.encoder(x)), objective.samples)
        z = draw.mu if objective.deterministic else draw.z
        if self.classes:
            z = torch.cat([z, x[:, self.features :]], 1)
            if isinstance(self.prior, family_priors.ConditionalGaussian):
                self.prior.set_condition(x[:, self.features :])
        params = self.likelihood_head(self.decoder(z))
        return draw, self.likelihood.log_prob(params, x[:, : self.features])

    def loss(self, x, objective):
        """The loss, the mean of log p(x|z), and the draw."""
        if self.classifier is not None:
            return self.semi_supervised_loss(x, objective)
        draw, log_likelihood = self.forward(x, objective)
        loss = objective.loss(draw, self.prior, log_likelihood)
        return loss + draw.auxiliary_loss, log_likelihood, draw

    def semi_supervised_loss(self, x, objective):
        """Kingma et al. 2014, eq. 6 to 9: labels that are not known are summed out."""
        log_q = torch.log_softmax(self.classifier(x[:, : self.features]), 1)
        known = x[:, self.features :].any(1)
        open_x = x[~known].repeat_interleave(self.classes, 0)
        open_x[:, self.features :] = torch.eye(self.classes).repeat(len(open_x) // self.classes, 1)
        labelled = x[known]
        draw, log_likelihood = self.forward(torch.cat([labelled, open_x]), objective)
        cost = draw.kl(self.prior) - log_likelihood[:, 0] + math.log(self.classes)
        count, n = len(labelled), len(x)
        open_log_q = log_q[~known]
        open_q = open_log_q.exp()
        open_cost = (open_q * (cost[count:].view_as(open_log_q) + open_log_q)).sum()
        classification = -(labelled[:, self.features :] * log_q[known]).sum() / count
        loss = (cost[:count].sum() + open_cost) / n + self.classifier_weight * classification
        weights = torch.cat([torch.full((count,), 1.0), open_q.detach().flatten()])[:, None]
        return loss, log_likelihood.detach() * weights * (len(weights) / n), draw


def make_samples(case, count):
    features, levels, classes = case.get("features", 784), case.get("levels", 0), case.get("classes", 0)
    if levels:
        random = w.scramble(w.np.arange(count * features, dtype=w.np.uint32)) >> w.np.uint32(24)
        values = (255 // (random + 8) % levels).reshape(count, features).astype("float32")
    else:
        values = w.images(w.QUICKSTART, count)
    labels = w.np.zeros((count, classes), "float32")
    rows = w.np.arange(0, count, case.get("labelled_every", 1))
    if classes:
        labels[rows, rows % classes] = 1
    return torch.from_numpy(w.np.concatenate([values, labels], 1))


class Training:
    """A model on its way through training."""

    def __init__(self, case):
        self.objective = family_objectives.make(case["objective"])
        self.model = Vae(case["model"], case.get("features", 784), case.get("classes", 0))
        fill_parameters(self.model)
        self.count = sum(p.numel() for p in self.model.parameters())
        if isinstance(self.objective, family_objectives.FactorVae):
            self.objective.make_critic(self.model.latent.dim, lambda critic: fill_parameters(critic, CRITIC_LIST))
            self.count += sum(p.numel() for p in self.objective.critic.parameters())
        self.parameters = list(self.model.parameters())
        self.decay = getattr(self.objective, "decoder_decay", 0)
        decoder = [*self.model.decoder.parameters(), *self.model.likelihood_head.parameters()]
        chosen = {id(p) for p in decoder}
        groups = [{"params": [p for p in self.parameters if id(p) not in chosen]},
                  {"params": decoder, "weight_decay": self.decay}]
        self.decoder = decoder
        self.optimizer = torch.optim.Adam(groups if self.decay else self.parameters, lr=1e-3, fused=True)
        self.batches = make_samples(case, BATCHES * case["batch"]).split(case["batch"])
        self.steps = 0

    def step(self):
        x = self.batches[self.steps % BATCHES]
        self.steps += 1
        self.optimizer.zero_grad(set_to_none=True)
        loss, _, draw = self.model.loss(x, self.objective)
        if isinstance(self.objective, family_objectives.FactorVae):
            loss.backward(inputs=self.parameters, retain_graph=True)
        else:
            loss.backward()
        self.optimizer.step()
        if hasattr(self.model.latent, "update"):
            self.model.latent.update(draw)
        self.objective.learn(draw)

    @torch.no_grad()
    def check(self):
        """Mean over draws of noise of the first batch's loss, and of what it adds to -log p(x|z)."""
        losses, penalties = 0.0, 0.0
        decay = 0.5 * self.decay * sum(p.square().sum().item() for p in self.decoder)
        for _ in range(CHECK_DRAWS):
            loss, log_likelihood, _ = self.model.loss(self.batches[0], self.objective)
            losses += (loss.item() + decay) / CHECK_DRAWS
            penalties += (loss.item() + decay + log_likelihood.mean().item()) / CHECK_DRAWS
        return losses, penalties


def measure(case) -> None:
    training = Training(case)
    loss, penalty = training.check()
    for _ in range(3):
        training.step()
    first = w.time_chunks(training.step, 0, least=2)
    steps = max(1, math.ceil(SAMPLE_SECONDS / first[0]))

    def chunk() -> None:
        for _ in range(steps):
            training.step()

    milliseconds = [1e3 * s / steps for s in w.time_chunks(chunk, OPTIONS.seconds)]
    w.print_record("family", case["name"], PEER, "ms", milliseconds, check=loss, penalty=penalty,
                   parameters=training.count)


if __name__ == "__main__":
    torch.manual_seed(1)
    torch.set_num_threads(OPTIONS.threads)
    torch.set_num_interop_threads(1)
    w.print_version("PyTorch", torch.__version__)
    wanted = OPTIONS.topics[1:]
    for each in CASES:
        if not wanted or any(part in each["name"] for part in wanted):
            measure(each)
