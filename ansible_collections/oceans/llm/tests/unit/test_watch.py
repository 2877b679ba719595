# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches against an API server that closes, forgets, limits and goes away: all normal, nothing lost."""

from __future__ import annotations

import time

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import watch
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.watch import Observer, World

from .fake_api import Handler, event, objects, status, stream, thing

PODS = paths.pods("ns")


def observing(api, monkeypatch, kinds=None):
    monkeypatch.setattr(watch, "RETRY", (0.01, 0.02))
    monkeypatch.setattr(watch, "POLL", 0.01)
    observer = Observer(Cluster.connect({"host": api.url}), "ns", kinds or {"Pod": "pods"})
    return observer, World(observer.start(), started=time.time())


def until(observer, world, condition, seconds=5.0):
    """Apply changes until the picture is as wanted; the changes that it took."""
    seen, end = [], time.monotonic() + seconds
    while not condition(world):
        assert time.monotonic() < end, f"not within {seconds} s; saw {[(c.type, c.kind) for c in seen]}"
        for change in observer.changes(0.05):
            seen.append(change)
            world.apply(change)
    observer.stop()
    return seen


def hang(handler: Handler) -> None:
    """A watch on which nothing happens for a while."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.flush()
    time.sleep(5)


def test_a_closed_stream_goes_on_where_it_was(api, monkeypatch):
    api.on("GET", PODS, objects("Pod", "1", thing("Pod", "a", "1")))
    api.on("WATCH", PODS, stream(event("ADDED", thing("Pod", "b", "2"))), stream(event("ADDED", thing("Pod", "c", "3"))), hang)
    observer, world = observing(api, monkeypatch)
    until(observer, world, lambda w: set(w.objects["Pod"]) == {"a", "b", "c"})
    versions = [q["resourceVersion"] for _m, p, q, _b in api.seen if p == PODS and "watch" in q]
    assert versions[:2] == [["1"], ["2"]] and api.asked(PODS) - len(versions) == 1, "one list, then only watches"


def test_a_version_that_is_too_old_is_a_new_list_and_no_word(api, monkeypatch):
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
    api.on("GET", PODS, objects("Pod", "1", thing("Pod", "a", "1")), objects("Pod", "50", thing("Pod", "z", "49")))
    api.on("WATCH", PODS, stream(gone), hang)
    observer, world = observing(api, monkeypatch)
    seen = until(observer, world, lambda w: set(w.objects["Pod"]) == {"z"})
    assert [c.type for c in seen] == ["LISTED"]


@pytest.mark.parametrize(("code", "reason"), [(500, "InternalError"), (503, "ServiceUnavailable"), (429, "TooManyRequests")])
def test_a_server_in_trouble_is_unknown_not_failed(api, monkeypatch, code, reason):
    api.on("GET", PODS, objects("Pod", "1"))
    api.on("WATCH", PODS, status(code, reason, "try again"), stream(event("ADDED", thing("Pod", "b", "2"))), hang)
    observer, world = observing(api, monkeypatch)
    seen = until(observer, world, lambda w: "b" in w.objects["Pod"])
    assert [c.type for c in seen] == ["AWAY", "BACK", "ADDED"] and world.away_since is None


def test_a_broken_stream_keeps_what_was_whole(api, monkeypatch):
    api.on("GET", PODS, objects("Pod", "1"))
    api.on("WATCH", PODS, stream(event("ADDED", thing("Pod", "b", "2")), cut=True), stream(event("DELETED", thing("Pod", "b", "3"))), hang)
    observer, world = observing(api, monkeypatch)
    seen = until(observer, world, lambda w: False if "b" in w.objects["Pod"] else w.away_since is None and api.asked(PODS) >= 3)
    assert [c.type for c in seen if c.kind == "Pod"] == ["ADDED", "AWAY", "BACK", "DELETED"]


def test_where_watch_is_forbidden_it_lists(api, monkeypatch):
    api.on("GET", PODS, objects("Pod", "1"), objects("Pod", "2", thing("Pod", "late", "2")))
    api.on("WATCH", PODS, status(403, "Forbidden", "cannot watch"))
    observer, world = observing(api, monkeypatch)
    until(observer, world, lambda w: "late" in w.objects["Pod"])


def test_what_breaks_a_watcher_comes_to_the_front(api, monkeypatch):
    api.on("GET", PODS, objects("Pod", "1"))
    api.on("WATCH", PODS, status(400, "BadRequest", "no such field"))
    observer, world = observing(api, monkeypatch)
    with pytest.raises(ApiError, match="no such field"):
        until(observer, world, lambda w: False, seconds=2)


def test_events_of_an_earlier_try_do_not_count(api, monkeypatch):
    path = paths.events("ns")
    old = thing("Event", "old", "1", lastTimestamp="2001-01-01T00:00:00Z")
    fresh = thing("Event", "fresh", "9", lastTimestamp="2999-01-01T00:00:00Z")
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
    api.on("GET", path, objects("Event", "1", old), objects("Event", "9", old, fresh))
    api.on("WATCH", path, stream(gone), hang)
    observer, world = observing(api, monkeypatch, {"Event": "events"})
    assert world.objects["Event"] == {}
    until(observer, world, lambda w: set(w.objects["Event"]) == {"fresh"})


def test_a_watch_that_is_closed_at_once_is_not_opened_in_a_hot_loop(api, monkeypatch):
    """Some proxies do that; each watch is a request to somebody's API server."""
    api.on("GET", PODS, objects("Pod", "1"))
    api.on("WATCH", PODS, stream())
    observer, world = observing(api, monkeypatch)
    monkeypatch.setattr(watch, "RETRY", (0.2, 5.0))
    with pytest.raises(AssertionError):
        until(observer, world, lambda w: False, seconds=1.0)
    observer.stop()
    assert api.asked(PODS) < 15


def test_watches_of_events_are_short_since_they_get_no_bookmarks(api, monkeypatch):
    api.on("GET", paths.events("ns"), objects("Event", "1"))
    api.on("WATCH", paths.events("ns"), hang)
    observer, _world = observing(api, monkeypatch, {"Event": "events"})
    list(observer.changes(0.3))
    observer.stop()
    assert [q["timeoutSeconds"] for _m, _p, q, _b in api.seen if "watch" in q] == [["60"]]


@pytest.mark.parametrize("allowed", [True, False], ids=["a list is allowed", "nothing is"])
def test_what_may_be_left_out_and_may_not_be_watched_is_listed_or_named(api, monkeypatch, allowed):
    secrets = paths.secrets("ns")
    refused = status(403, "Forbidden", "may not watch secrets")
    api.on("GET", PODS, objects("Pod", "1"))
    api.on("WATCH", PODS, hang)
    api.on("GET", secrets, objects("Secret", "1"), *[objects("Secret", "2", thing("Secret", "v5", "2"))] if allowed else [refused])
    api.on("WATCH", secrets, refused)
    monkeypatch.setattr(watch, "POLL", 0.01)
    observer = Observer(Cluster.connect({"host": api.url}), "ns", {"Pod": "pods"}, also={"Release": watch.Watched(secrets)})
    world = World(observer.start(), started=time.time())
    until(observer, world, lambda w: "v5" in w.objects["Release"] if allowed else "Release" in observer.unseen)
    assert allowed or "may not watch secrets" in observer.unseen["Release"]


def test_changes_that_keep_coming_do_not_keep_the_loop_from_looking(monkeypatch):
    """Seen: a ReplicaSet whose pods a kubelet refuses makes some of them a second, and a busy run never looked."""
    monkeypatch.setattr(watch, "FLOOD", 0.05)
    observer, change = Observer(Cluster.connect({"host": "http://127.0.0.1:9"}), "ns", {}), watch.Change("Pod", "ADDED", {})
    observer.put(change)
    end = time.monotonic() + 2
    for _each in observer.changes(0):
        assert time.monotonic() < end
        observer.put(change)
    assert list(observer.changes(0)), "what is left is there for the next look"
