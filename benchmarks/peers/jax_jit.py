# SPDX-License-Identifier: MIT
"""JAX: training steps, each one compiled function with donated buffers, epochs and memory."""
from functools import partial

import workloads as w
from options import pin_to_cpus

pin_to_cpus()  # XLA starts a thread for each CPU

import jax
import jax.numpy as jnp

PEER = "JAX jit"
LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


def make_parameters(sizes: w.Sizes) -> list[jax.Array]:
    """Weights [in, out], as JAX's libraries keep them, and biases."""
    return [jnp.asarray(values.T.copy()) for values in w.parameters(sizes)]


def loss_of(parameters, x, epsilon):
    """Minus the ELBO, the mean over the batch."""
    w1, b1, w2, b2, w3, b3, w4, b4 = parameters
    mu, logvar = jnp.split(jax.nn.relu(x @ w1 + b1) @ w2 + b2, 2, axis=1)
    z = mu + jnp.exp(0.5 * logvar) * epsilon
    logits = jax.nn.relu(z @ w3 + b3) @ w4 + b4
    log_likelihood = jnp.sum(x * logits - jax.nn.softplus(logits))
    kl = 0.5 * jnp.sum(mu**2 + jnp.exp(logvar) - 1 - logvar)
    return (kl - log_likelihood) / len(x)


def make_state(sizes: w.Sizes):
    parameters = make_parameters(sizes)
    moments = [[jnp.zeros_like(p) for p in parameters] for _ in range(2)]
    return parameters, *moments, jnp.zeros((), jnp.int32), jax.random.key(1)


def train(state, x):
    """Noise, loss, gradient and Adam."""
    parameters, mean, square, steps, key = state
    key, noise = jax.random.split(key)
    epsilon = jax.random.normal(noise, (len(x), parameters[4].shape[0]))
    loss, gradients = jax.value_and_grad(loss_of)(parameters, x, epsilon)
    steps = steps + 1
    bias1, bias2 = 1 - BETA1**steps, 1 - BETA2**steps
    mean = [BETA1 * m + (1 - BETA1) * g for m, g in zip(mean, gradients)]
    square = [BETA2 * v + (1 - BETA2) * g * g for v, g in zip(square, gradients)]
    parameters = [
        p - LEARNING_RATE / bias1 * m / (jnp.sqrt(v / bias2) + EPSILON) for p, m, v in zip(parameters, mean, square)
    ]
    return (parameters, mean, square, steps, key), loss


@partial(jax.jit, donate_argnums=0)
def step(state, x):
    return train(state, x)


@partial(jax.jit, donate_argnums=(0, 1))
def step_on_rows(state, total, pixels, rows):
    state, loss = train(state, pixels[rows].astype(jnp.float32) / 255)
    return state, total + loss * len(rows)


def training_step() -> None:
    for case in w.STEP_CASES:
        sizes, batch, _ = case
        batches = [jnp.asarray(x) for x in w.images(sizes, w.STEP_BATCHES * batch).reshape(w.STEP_BATCHES, batch, -1)]
        state = make_state(sizes)
        check = float(loss_of(state[0], batches[0], jnp.zeros((batch, sizes.latent))))

        def train_on(i: int) -> None:
            nonlocal state
            state, _ = step(state, batches[i])

        w.print_steps(PEER, case, train_on, lambda: jax.block_until_ready(state), check)


class Epochs:
    """A model on its way through epochs."""

    def __init__(self):
        self.pixels = jnp.asarray(w.pixels(w.QUICKSTART, w.EPOCH_IMAGES))
        self.state = make_state(w.QUICKSTART)
        self.epochs = 0

    def run(self) -> float:
        count = len(self.pixels)
        order = jax.random.permutation(jax.random.key(self.epochs), count)
        self.epochs += 1
        total = jnp.zeros(())
        for first in range(0, count, w.BATCH):
            self.state, total = step_on_rows(self.state, total, self.pixels, order[first : first + w.BATCH])
        return float(total) / count


def epoch() -> None:
    w.print_epochs(PEER, Epochs().run)


def memory() -> None:
    Epochs().run()
    w.print_memory(PEER)


if __name__ == "__main__":
    w.print_version("JAX", jax.__version__)
    w.run({"training_step": training_step, "epoch": epoch, "memory": memory})
