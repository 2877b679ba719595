# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut one collection out of the `ansible` package, as a tarball that ansible-galaxy installs offline.

Usage: collection_from_wheel.py WHEEL NAMESPACE.NAME FOLDER

The package leaves out some files of a collection (tests, changelogs), so the collection's list of files is
cut down to those that are there, each checked against the checksum its author published.
"""

import hashlib
import io
import json
import pathlib
import sys
import tarfile
import zipfile


def read(wheel: str, collection: str) -> dict[str, bytes]:
    prefix = f"ansible_collections/{collection.replace('.', '/')}/"
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(prefix) and not name.endswith("/")]
        return {name.removeprefix(prefix): archive.read(name) for name in names}


def present(files: list[dict], data: dict[str, bytes]) -> list[dict]:
    folders = {str(parent) for name in data for parent in pathlib.PurePosixPath(name).parents}
    kept = [file for file in files if file["name"] in (data if file["ftype"] == "file" else folders)]
    for file in kept:
        if file["ftype"] == "file" and hashlib.sha256(data[file["name"]]).hexdigest() != file["chksum_sha256"]:
            sys.exit(f"{file['name']} is not the file that its author published: the checksum differs")
    return kept


def write(path: pathlib.Path, members: dict[str, bytes | None]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            if body is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
            else:
                info.size, info.mode = len(body), 0o644
                archive.addfile(info, io.BytesIO(body))


def main(wheel: str, collection: str, folder: str) -> None:
    data = read(wheel, collection)
    manifest, listing = json.loads(data.pop("MANIFEST.json")), json.loads(data.pop("FILES.json"))
    listing["files"] = present(listing["files"], data)
    body = json.dumps(listing, indent=1).encode()
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(body).hexdigest()
    members: dict[str, bytes | None] = {"MANIFEST.json": json.dumps(manifest, indent=1).encode(), "FILES.json": body}
    members |= {file["name"]: data.get(file["name"]) for file in listing["files"]}
    name = f"{collection.replace('.', '-')}-{manifest['collection_info']['version']}.tar.gz"
    write(pathlib.Path(folder) / name, members)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
