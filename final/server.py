"""Start the chat's server: python final/server.py [--host 127.0.0.1] [--port 5050]. The program is in chat/."""

from chat.__main__ import server

if __name__ == "__main__":
    server()
