"""What a run says of itself: on the terminal, in TensorBoard's event files, in figures and in a page."""
