"""What travels with a model: metadata, certificate, payload digest and seal, and the verification of them all."""
