"""recompute-agent-analysis: migrates, then queues sessions for a new analysis. There are no sessions here, so none is."""

from . import config, migrations


def command(loaded: dict) -> None:
    migrations.run(config.database_url(loaded))
    print("matched_count: 0")
    print("enqueued_count: 0")
