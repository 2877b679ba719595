"""An answer that is an error, and the questions that are refused before anybody looks at them."""


class Refused(Exception):
    """Status, code, message, type. A code that begins with standin_ is not the gateway's."""

    def __init__(self, status: int, code: str, message: str, kind: str = "standin_error"):
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "code": code, "param": None}}


class TooLarge(Exception):
    """A body over the limit: told in one line of text."""
