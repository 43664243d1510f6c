# SPDX-License-Identifier: MIT
"""PyTorch, eager or compiled: training steps, epochs, latency, log-likelihood, Adam and memory."""
import math

import workloads as w
from options import OPTIONS

import torch
import torch.nn.functional as F
from torch import nn

PEER = "PyTorch compile" if OPTIONS.compile else "PyTorch eager"


def compiled(function):
    """`function`, compiled for each shape it meets if the command line says so."""
    return torch.compile(function, dynamic=False) if OPTIONS.compile else function


class Vae(nn.Module):
    def __init__(self, sizes: w.Sizes, parameters: list | None = None):
        super().__init__()
        self.sizes = sizes
        self.encoder = nn.Linear(sizes.features, sizes.hidden)
        self.posterior = nn.Linear(sizes.hidden, 2 * sizes.latent)
        self.decoder = nn.Linear(sizes.latent, sizes.hidden)
        self.likelihood = nn.Linear(sizes.hidden, sizes.features)
        with torch.no_grad():
            for parameter, values in zip(self.parameters(), parameters or w.parameters(sizes), strict=True):
                parameter.copy_(torch.from_numpy(values))

    def encode(self, x):
        return self.posterior(F.relu(self.encoder(x))).chunk(2, dim=1)

    def logits(self, z):
        return self.likelihood(F.relu(self.decoder(z)))

    def decode(self, z):
        return torch.sigmoid(self.logits(z))

    def loss(self, x, epsilon):
        """Minus the ELBO, the mean over the batch."""
        mu, logvar = self.encode(x)
        logits = self.logits(mu + torch.exp(0.5 * logvar) * epsilon)
        cross_entropy = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum()
        return (cross_entropy + kl) / len(x)


class Training:
    """A model on its way through training."""

    def __init__(self, sizes: w.Sizes):
        self.model = Vae(sizes)
        self.loss = compiled(self.model.loss)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)

    def step(self, x):
        epsilon = torch.randn(len(x), self.model.sizes.latent)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(x, epsilon)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def epoch(self, pixels):
        total = torch.zeros(())
        for rows in torch.randperm(len(pixels)).split(w.BATCH):
            total += self.step(pixels[rows].float().div_(255)) * len(rows)
        return total.item() / len(pixels)


def training_step() -> None:
    for case in w.STEP_CASES:
        sizes, batch, _ = case
        training = Training(sizes)
        batches = torch.from_numpy(w.images(sizes, w.STEP_BATCHES * batch)).split(batch)
        with torch.no_grad():
            check = training.model.loss(batches[0], torch.zeros(batch, sizes.latent)).item()
        w.print_steps(PEER, case, lambda i: training.step(batches[i]), lambda: None, check)


def epoch() -> None:
    training = Training(w.QUICKSTART)
    pixels = torch.from_numpy(w.pixels(w.QUICKSTART, w.EPOCH_IMAGES))
    w.print_epochs(PEER, lambda: training.epoch(pixels))


def memory() -> None:
    Training(w.QUICKSTART).epoch(torch.from_numpy(w.pixels(w.QUICKSTART, w.EPOCH_IMAGES)))
    w.print_memory(PEER)


@torch.inference_mode()
def latency() -> None:
    print_latency(Vae(w.QUICKSTART), "random weights", torch.from_numpy(w.images(w.QUICKSTART, 1)),
                  torch.from_numpy(w.latent_vector()))
    if trained := w.trained(w.QUICKSTART):
        model, x = Vae(w.QUICKSTART, trained[0]), torch.from_numpy(trained[1])
        print_latency(model, "trained", x, model.encode(x)[0])


def print_latency(model: Vae, kind: str, images: torch.Tensor, latents: torch.Tensor) -> None:
    """Of single rows of `images` and `latents`."""
    x, z = images.split(1), latents.split(1)
    encode, decode = compiled(model.encode), compiled(model.decode)
    encoded = sum(part.abs().sum().item() for row in x for part in encode(row))
    decoded = sum(decode(row).sum().item() for row in z)
    w.print_latency(PEER, f"encode, {kind}", lambda i: encode(x[i]), len(x), encoded)
    w.print_latency(PEER, f"decode, {kind}", lambda i: decode(z[i]), len(z), decoded)


@torch.inference_mode()
def log_likelihood() -> None:
    """The encoder runs once for an image; samples are decoded in chunks and their log-sum-exp is streamed."""
    for sizes in (w.QUICKSTART, w.WIDE):
        print_log_likelihood(Vae(sizes), "random weights", w.images(sizes, w.LOG_LIKELIHOOD_IMAGES))
        if trained := w.trained(sizes):
            parameters, images = trained
            print_log_likelihood(Vae(sizes, parameters), "trained", images)


def print_log_likelihood(model: Vae, kind: str, images) -> None:
    x = torch.from_numpy(images)
    samples, chunk = w.LOG_LIKELIHOOD_SAMPLES, 500

    def chunk_weight(image, mu, logvar, epsilon):
        z = mu + torch.exp(0.5 * logvar) * epsilon
        logits = model.logits(z)
        log_likelihoods = logits @ image - F.softplus(logits).sum(1)
        # log p(z) - log q(z|x), whose constants cancel
        ratios = 0.5 * ((epsilon.square() - z.square()).sum(1) + logvar.sum())
        return torch.logsumexp(log_likelihoods + ratios, 0)

    weight = compiled(chunk_weight)

    def estimate(i: int) -> float:
        mu, logvar = model.encode(x[i : i + 1])
        total = torch.tensor(-math.inf)
        for _ in range(samples // chunk):
            total = torch.logaddexp(total, weight(x[i], mu, logvar, torch.randn(chunk, model.sizes.latent)))
        return total.item() - math.log(samples)

    w.print_log_likelihood(PEER, model.sizes, kind, estimate)


def adam() -> None:
    side, steps = 1000, 20
    weight = nn.Parameter(torch.from_numpy((w.uniform(0, side * side) / math.sqrt(side)).astype("float32")))
    weight.grad = torch.from_numpy(w.uniform(1, side * side).astype("float32"))
    optimizer = torch.optim.Adam([weight], lr=1e-3, fused=True)

    def chunk(count: int = steps) -> None:
        for _ in range(count):
            optimizer.step()

    chunk(10)
    check = weight.detach().double().abs().sum().item()
    microseconds = [1e6 * s / steps for s in w.time_chunks(chunk, OPTIONS.seconds)]
    w.print_record("adam", "1M parameters", "PyTorch fused", "us", microseconds, check=check)


if __name__ == "__main__":
    torch.manual_seed(1)
    torch.set_num_threads(OPTIONS.threads)
    torch.set_num_interop_threads(1)
    w.print_version("PyTorch", torch.__version__)
    w.run({"training_step": training_step, "epoch": epoch, "memory": memory, "latency": latency,
           "log_likelihood": log_likelihood, "adam": adam})
