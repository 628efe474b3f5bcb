"""The tests of final/: the pure modules without a socket, the server over TCP, and PROTOCOL.md against it."""
