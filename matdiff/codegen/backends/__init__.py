"""What an operation is called in NumPy, JAX and PyTorch."""
