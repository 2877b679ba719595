#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.probe; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Test whether the gateway of a running release answers requests, and whether a model answers
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - Runs the tests with which M(oceans.llm.deploy) and M(oceans.llm.wait) end. The tests cover the Services, the Ingresses, the version that the gateway
    reports, the database and the admin UI.
  - A short-lived pod of the gateway's image requests the gateway's Service by DNS name and by address. With O(probe_model) a second pod requests a plain and a
    streamed completion.
  - Changes nothing in the release, and does not wait for a rollout.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.version
  - oceans.llm.release.checked
attributes:
  check_mode:
    description: Creates no pod and requests no completion; the other tests run.
    support: partial
seealso:
  - module: oceans.llm.wait
"""

EXAMPLES = r"""
- name: Test whether the model answers after a rollback
  oceans.llm.probe:
    name: oceans-llm
    namespace: oceans-llm
    probe_model: fast
    probe_key_secret: oceans-llm-probe
    probe_key_name: key
"""

RETURN = r"""
extends_documentation_fragment: oceans.llm.release.followed
changed:
  description: Always false.
  type: bool
  returned: always
"""
