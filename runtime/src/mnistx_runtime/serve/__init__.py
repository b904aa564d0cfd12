"""Serves models over HTTP: the Open Inference Protocol v2, and answers to pictures.

In reading order: `server` (process, signals), `app` (what every request passes), `endpoints` (addresses), `protocol`
and `pictures` (the two data planes), `batching` and `decoders` (where the work is done), `limits` and `fair_queue`.
"""
