# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of oceans.llm.deploy for modules that deploy, too; its own documentation is the one source."""

from __future__ import annotations

import yaml

from ansible_collections.oceans.llm.plugins.modules import deploy

_OPTIONS = yaml.safe_load(deploy.DOCUMENTATION)["options"]
#: how a change is made and followed, whatever chart and values it is of
_FOLLOWED = (
    "name",
    "namespace",
    "helm_binary",
    "verify",
    "probe",
    "probe_model",
    "probe_key_secret",
    "probe_key_name",
    "timeout",
    "report_dir",
    "report_always",
    "force_conflicts",
    "recover_after",
)


class ModuleDocFragment:
    """oceans.llm.deploy: all of them; oceans.llm.deploy.followed: those of a change whose chart and values are known."""

    DOCUMENTATION = yaml.safe_dump({"options": _OPTIONS}, sort_keys=False)
    FOLLOWED = yaml.safe_dump({"options": {name: _OPTIONS[name] for name in _FOLLOWED}}, sort_keys=False)
