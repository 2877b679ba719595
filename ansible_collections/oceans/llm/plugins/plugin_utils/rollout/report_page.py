# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.json as one page that opens anywhere: no script, no font, nothing loaded from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

STYLE = """
:root{--ink:#1c2733;--soft:#66758a;--line:#dfe5ec;--paper:#fff;--back:#f4f6f9;--bad:#c62828;--badback:#fdecea;--good:#1b7f4b;--goodback:#e8f5ee;
  --wait:#e0a100;--run:#2f6fde}
@media (prefers-color-scheme:dark){
:root{--ink:#e6ebf2;--soft:#93a1b5;--line:#2c3644;--paper:#18202b;--back:#10161e;--bad:#ff7b72;--badback:#3a1a1c;--good:#5fd393;--goodback:#143024;
  --wait:#e3b341;--run:#6ea8fe}
}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:22px;margin:0 0 2px;display:flex;align-items:center;gap:12px;flex-wrap:wrap}
.badge{font-size:13px;font-weight:700;letter-spacing:.06em;color:#fff;border-radius:999px;padding:3px 12px}
.badge.fail{background:#c62828}
.badge.fine{background:#1b7f4b}
h2{font-size:16px;margin:0 0 12px}
.sub{color:var(--soft);margin:0 0 20px}
section{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin:0 0 18px}
.next{border-left:6px solid var(--run);font-size:17px}
.next b{display:block;color:var(--soft);font-size:13px;font-weight:600;text-transform:uppercase;letter-spacing:.04em}
.bad{background:var(--badback);border-color:var(--bad)}
.bad h2,.red{color:var(--bad)}
.good{background:var(--goodback);border-color:var(--good)}
.good h2{color:var(--good)}
code,pre,.mono{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace}
pre{background:var(--back);border:1px solid var(--line);border-radius:6px;padding:10px;overflow:auto;margin:6px 0 14px;white-space:pre-wrap;
  word-break:break-word}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0}
dt{color:var(--soft)}
dd{margin:0}
.axis{position:relative;height:20px;margin-left:260px;border-bottom:1px solid var(--line);color:var(--soft);font-size:12px}
.axis span{position:absolute;transform:translateX(-50%);white-space:nowrap}
.axis span:last-child{transform:translateX(-100%)}
.lanes{position:relative}
.flag{position:absolute;top:-5px;bottom:-5px;width:0;border-left:2px dashed var(--bad);z-index:1;pointer-events:none}
.lane{display:flex;align-items:center;min-height:26px;border-bottom:1px solid var(--line)}
.lane .who{width:260px;flex:none;font-size:12px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;padding-right:10px}
.track{position:relative;flex:1;height:18px}
.bar{position:absolute;height:18px;border-radius:4px;min-width:3px;font-size:11px;line-height:18px;color:#fff;padding:0 5px;overflow:hidden;
  white-space:nowrap}
.bar.p-bad{box-shadow:0 0 0 2px var(--badback)}
.p-wait{background:var(--wait)}
.p-run{background:var(--run)}
.p-good{background:var(--good)}
.p-bad{background:var(--bad)}
table{border-collapse:collapse;width:100%;font-size:13px}
td,th{text-align:left;padding:4px 10px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600}
.num{text-align:right;white-space:nowrap;color:var(--soft)}
.warn td{color:var(--bad)}
.beat td{color:var(--soft);font-size:12px}
.told td{color:var(--bad);font-weight:600}
details summary{cursor:pointer;color:var(--soft);margin:4px 0}
.legend{font-size:12px;color:var(--soft);margin-top:10px}
.legend i{display:inline-block;width:10px;height:10px;border-radius:3px;margin:0 4px 0 12px}
@media (max-width:720px){
.axis{margin-left:110px}
.lane .who{width:110px}
}
"""


def render(report: Mapping[str, Any]) -> str:
    """The page. `report` is what evidence.as_json made, already redacted."""
    failed = report["state"] == "failed"
    title = f"{report['namespace']}/{report['release']} on {report['cluster']}"
    body = "\n".join((*_head(report, title, failed), *_axis(report), *_lines(report), *_causes(report), *_logs(report), *_events(report)))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{escape(("FAILED " + report["code"] + " " if failed else "") + title)}</title><style>{STYLE}</style></head>
<body><main>
{body}
</main></body></html>
"""


def _head(report: Mapping[str, Any], title: str, failed: bool) -> Iterator[str]:
    cause = report.get("cause") or {}
    badge = "<span class='badge fail'>FAILED</span>" if failed else "<span class='badge fine'>SERVED</span>"
    yield f"<h1>{badge}{escape(title)}</h1>"
    yield f"<p class='sub'>{escape(report['chart'])}, revision {report['revision']}, started {escape(report['started'])}, {report['seconds']} s</p>"
    if failed:
        yield f"<section class='next'><b>Next step</b>{escape(cause.get('hint') or 'read the cause below')}</section>"
        where = cause.get("object", "") + (f", container {cause['container']}" if cause.get("container") else "")
        yield (
            f"<section class='bad'><h2>{escape(report['code'])}: {escape(cause.get('cause', ''))}</h2><dl><dt>Object</dt><dd class='mono'>{escape(where)}</dd>"
            f"<dt>Evidence</dt><dd class='mono'>{escape(cause.get('evidence', ''))}</dd></dl></section>"
        )
    else:
        yield f"<section class='good'><h2>Served: version {escape(report['version_served'] or 'unknown')}</h2>{escape(report['line'])}</section>"
    fenced = ", ".join(dict.fromkeys(report["fenced"])) or "nothing had to be stopped"
    database, old = report["database"].removeprefix("database: "), report["old_pods"].removeprefix("old pods: ")
    signal = f"{report['first_signal_seconds']:.1f} s" if report.get("first_signal_seconds") is not None else "none"
    yield (
        f"<section><h2>State</h2><dl><dt>Database</dt><dd>{escape(database)}</dd><dt>Old pods</dt><dd>{escape(old)}</dd>"
        f"<dt>Jobs stopped</dt><dd>{escape(fenced)}</dd><dt>First sign of trouble</dt><dd>{signal}</dd></dl></section>"
    )


def _axis(report: Mapping[str, Any]) -> Iterator[str]:
    spans = report["spans"]
    if not spans:
        return
    total = max([report["seconds"], *(s["to"] for s in spans), 1.0])
    step = next((s for s in (1, 2, 5, 10, 30, 60, 120, 300, 600) if total / s <= 10), 1800)
    marks = "".join(f"<span style='left:{100 * t / total:.2f}%'>{t} s</span>" for t in range(0, int(total) + 1, step))
    yield f"<section><h2>What each object did</h2><div class='axis'>{marks}</div><div class='lanes'>"
    told = _told(report)
    flag = f"<div class='flag' style='left:{100 * told / total:.2f}%' title='the cause was certain after {told} s'></div>" if told is not None else ""
    for name in dict.fromkeys(s["object"] for s in spans):
        own, guilty = [s for s in spans if s["object"] == name], name == (report.get("cause") or {}).get("object")
        bars = "".join(_bar(s, total, bad=guilty and s is own[-1]) for s in own)
        red = " red" if guilty else ""
        yield f"<div class='lane'><div class='who mono{red}' title='{escape(name)}'>{escape(name)}</div><div class='track'>{flag}{bars}</div></div>"
    dashed = f", dashed line: the cause was certain ({told} s)" if told is not None else ""
    yield (
        "</div><div class='legend'><i class='p-wait'></i>waits<i class='p-run'></i>runs"
        f"<i class='p-good'></i>ready or complete<i class='p-bad'></i>failed{dashed}</div></section>"
    )


def _told(report: Mapping[str, Any]) -> float | None:
    """Seconds at which the cause was said first, FAILED came later; None in a good run."""
    code = report.get("code")
    return next((t["seconds"] for t in report["timeline"] if code and t["line"].startswith(f"{code} ")), None)


def _bar(span: Mapping[str, Any], total: float, bad: bool) -> str:
    phase, width = span["phase"], max(0.3, 100 * (span["to"] - span["from"]) / total)
    text = f"{phase} ({span['from']}–{span['to']} s)"
    look, place = "p-bad" if bad else _class(phase), f"left:{100 * span['from'] / total:.2f}%;width:{width:.2f}%"
    label = escape(phase) if width > 0.75 * len(phase) else ""  # what does not fit is in the title
    return f"<div class='bar {look}' style='{place}' title='{escape(text)}'>{label}</div>"


def _class(phase: str) -> str:
    if "failed" in phase or any(word in phase for word in ("Err", "BackOff", "Error", "Invalid")):
        return "p-bad"
    if phase in ("ready", "complete"):
        return "p-good"
    return "p-run" if phase.endswith(("runs", "running")) else "p-wait"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    told = _told(report)
    rows = "".join(
        f"<tr{_look(t, told)}><td class='num'>{t['seconds']} s</td><td>{escape(t['line'])}</td></tr>" for t in report["timeline"]
    )
    yield f"<section><h2>Timeline</h2><table>{rows}</table></section>"


def _look(entry: Mapping[str, Any], told: float | None) -> str:
    if entry["line"].startswith("…"):
        return " class='beat'"
    return " class='told'" if told is not None and entry["seconds"] == told else ""


def _causes(report: Mapping[str, Any]) -> Iterator[str]:
    guilty = report.get("cause") or {}
    others = [c for c in report["causes"] if c and (c["code"], c["object"]) != (guilty.get("code"), guilty.get("object"))]
    if others:
        rows = "".join(
            f"<tr><td>{escape(c['code'])}</td><td>{escape(c['certainty'])}</td><td class='mono'>{escape(c['object'])}</td><td>{escape(c['cause'])}</td></tr>"
            for c in others
        )
        yield f"<section><h2>Also seen</h2><table><tr><th>Code</th><th>Certainty</th><th>Object</th><th>Cause</th></tr>{rows}</table></section>"


def _logs(report: Mapping[str, Any]) -> Iterator[str]:
    if report["logs"]:
        blocks = "".join(f"<details><summary>{escape(name)}</summary><pre>{escape(_text(lines))}</pre></details>" for name, lines in report["logs"].items())
        yield f"<section><h2>Last lines of logs</h2>{blocks}</section>"


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _events(report: Mapping[str, Any]) -> Iterator[str]:
    rows = "".join(
        f"<tr{' class=warn' if e['type'] == 'Warning' else ''}><td class='num'>{e['seconds']} s</td><td>{escape(str(e['reason']))}</td>"
        f"<td class='mono'>{escape(e['object'])}</td><td>{escape(str(e['message']))}{_times(e)}</td></tr>"
        for e in report["events"]
    )
    if rows:
        yield f"<section><h2>Events</h2><table>{rows}</table></section>"


def _times(event: Mapping[str, Any]) -> str:
    return f" (×{event['count']})" if event["count"] > 1 else ""
