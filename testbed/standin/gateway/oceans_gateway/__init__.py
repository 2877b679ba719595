"""A stand-in for the Oceans LLM gateway: the same commands, words, exit codes and database states, no models behind it."""
