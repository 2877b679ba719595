#!/usr/bin/python
# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of oceans.llm.probe; the work is done by the action plugin of the same name, in the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Ask a running release, as its users do, whether it is served and whether a model answers
version_added: 0.1.0
author: oceans.llm contributors (!UNKNOWN)
description:
  - The checks with which M(oceans.llm.deploy) and M(oceans.llm.wait) end, by themselves - Services, Ingresses, the version that is served,
    the database, the admin UI.
  - A short pod of the gateway's own image asks the Service by its name and its address; with O(probe_model) a second one asks for a plain and
    a streamed completion.
  - Changes nothing that is deployed, and waits for no rollout.
extends_documentation_fragment:
  - oceans.llm.auth
  - oceans.llm.release
  - oceans.llm.release.version
  - oceans.llm.release.checked
attributes:
  check_mode:
    description: Makes no pod and asks for no completion.
    support: partial
seealso:
  - module: oceans.llm.wait
"""

EXAMPLES = r"""
- name: Prove that the model still answers after a rollback
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
