"""Speed, scaling and determinism of training."""
