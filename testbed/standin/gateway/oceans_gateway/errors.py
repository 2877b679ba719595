"""A failure is a chain of sentences, outermost first, and is printed the way the gateway prints it."""

import os
from contextlib import contextmanager


class Failure(Exception):
    """A runtime error: exit code 1."""

    def __init__(self, *chain: str):
        super().__init__(*chain)
        self.chain = chain

    def within(self, sentence: str) -> "Failure":
        return Failure(sentence, *self.chain)


@contextmanager
def context(sentence: str):
    """Put a sentence in front of whatever goes wrong inside."""
    try:
        yield
    except Failure as failure:
        raise failure.within(sentence) from None


def _indented(text: str, width: int) -> str:
    return text.replace("\n", "\n" + " " * width)


def rendered(failure: Failure) -> str:
    """`Error:`, then the causes: numbered when there are several, plain when there is one."""
    first, *causes = failure.chain
    text = f"Error: {first}\n"
    if causes:
        text += "\nCaused by:\n"
    if len(causes) == 1:
        text += f"    {_indented(causes[0], 4)}\n"
    else:
        text += "".join(f"{number:>5}: {_indented(cause, 7)}\n" for number, cause in enumerate(causes))
    if os.environ.get("RUST_BACKTRACE", "0") != "0":
        text += "\nStack backtrace:\n   0: stand-in\n"
    return text
