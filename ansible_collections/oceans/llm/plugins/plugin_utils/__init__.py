# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's modules are loaded by Python's own loader, which keeps compiled code in `__pycache__`.

Ansible's loader for collections compiles every file again in every run: 0.4 s for the files of a deployment. Where the folders cannot be
written, Python compiles again, too.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader

_PLUGINS = __name__.rpartition(".")[0] + "."


class CompiledOnce:
    """Asked right before Ansible's finder, about files; folders, and all that is no plugin of this collection, stay with Ansible."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        found = (_folder(folder).find_spec(name) for folder in path or ()) if name.startswith(_PLUGINS) else ()
        return next((spec for spec in found if spec and spec.loader), None)


@functools.cache
def _folder(folder: str) -> FileFinder:
    return FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))


#: the place of Ansible's finder; without one, Python's own finds the files, and keeps their code anyway
_place = next((place for place, finder in enumerate(sys.meta_path) if type(finder).__name__ == "_AnsibleCollectionFinder"), None)
if _place is not None and CompiledOnce not in sys.meta_path:
    sys.meta_path.insert(_place, CompiledOnce)
