"""Made-up secrets of the program `plain_text.py`, which tests look for in messages."""

TOKEN = "3fa1c0de-aaaa-4bbb-8ccc-0123456789ab"  # noqa: S105
PASSWORD = "correct-horse-battery-staple"  # noqa: S105
KEY = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ="

SECRETS = {"token": TOKEN, "password": PASSWORD, "key": KEY}
