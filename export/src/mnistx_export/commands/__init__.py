"""One file a command; each imports only click until it is called."""
