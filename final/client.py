"""Open the chat's window: python final/client.py [--host HOST] [--port 5050] [--name NAME]. The program is in chat/."""

from chat.__main__ import client

if __name__ == "__main__":
    client()
