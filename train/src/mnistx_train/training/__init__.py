"""The training loop: loss, epochs, stages, and several processes that learn together."""
