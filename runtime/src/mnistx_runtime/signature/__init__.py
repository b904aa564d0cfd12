"""Who signed a model: OpenSSF's model-signing, offline, by a key or a certificate; whose models may run here."""
