"""Passwords are hashed slowly, with a salt; the secrets of API keys are random and checked at every request: quickly."""

import hashlib
import hmac
import os


def _scrypt(secret: str, salt: bytes) -> str:
    return hashlib.scrypt(secret.encode(), salt=salt, n=1 << 12, r=8, p=1).hex()


def hashed(password: str) -> str:
    salt = os.urandom(16)
    return f"scrypt${salt.hex()}${_scrypt(password, salt)}"


def matches(password: str, stored: str) -> bool:
    kind, _, rest = stored.partition("$")
    salt, _, expected = rest.partition("$")
    return kind == "scrypt" and hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), expected)


def digest(secret: str) -> str:
    return "sha256$" + hashlib.sha256(secret.encode()).hexdigest()


def same_digest(secret: str, stored: str) -> bool:
    return hmac.compare_digest(digest(secret), stored)
