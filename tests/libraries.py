"""The libraries of arrays that are installed: JAX and PyTorch are extras."""

from importlib.util import find_spec

PRESENT = ["numpy", *(name for name in ("jax", "torch") if find_spec(name))]
