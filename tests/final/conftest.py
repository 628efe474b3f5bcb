"""The fixtures are with the people, in chatting.py: here pytest finds them."""

from hypothesis import HealthCheck, settings

from .chatting import papers, serve, server

__all__ = ["papers", "serve", "server"]

# How long an example takes says how busy the computer is, and nothing about the chat.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
