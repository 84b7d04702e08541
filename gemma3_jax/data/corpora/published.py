"""The files of a set as its owner publishes them: archives as downloaded, or the folders they unpack to.

Every message names the file, what it should hold and where the owner publishes it.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

_SUFFIXES = re.compile(r"\.(zip|tar\.gz|tgz|tar)$")
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError)


class MissingFiles(FileNotFoundError):
    """A file of a set is not where the owner's layout puts it."""


class Published:
    """The manual folder of a set: opens what the owner publishes, by the owner's names.

    Args:
        root: folder with the downloaded files.
        url: where the owner publishes them; part of every message.
    """

    def __init__(self, root: str | Path, url: str) -> None:
        self.root, self.url = Path(root), url

    def archive(self, names: str | Sequence[str], holds: str) -> Archive:
        """Open the first of `names` that is there, packed or unpacked.

        Args:
            names: `x.zip` or `x.tar.gz`; a folder `x` will do. Shell wildcards are allowed.
            holds: what is expected in it, with its count, for messages.

        Raises:
            MissingFiles: naming the first of `names`, `holds` and the URL.
            ValueError: when the archive cannot be opened.
        """
        names = [names] if isinstance(names, str) else names
        for name in names:
            for pattern in dict.fromkeys([name, _SUFFIXES.sub("", name)]):
                parent, last = (self.root / pattern).parent, PurePosixPath(pattern).name
                found = sorted(parent.iterdir()) if parent.is_dir() else []
                if paths := [path for path in found if fnmatchcase(path.name, last)]:
                    return Archive(paths[0], holds, self.url)
        first = names[0].replace("*", "")
        folder = _SUFFIXES.sub("", first)
        raise MissingFiles(
            f"{self.root / first} (or the folder {folder}) is not there: "
            f"it holds {holds}; get it from {self.url}"
        )

    def text(self, name: str, holds: str) -> str:
        """The text of a file that is published by itself. Raises like `archive`."""
        path = self.root / name
        if not path.is_file():
            raise MissingFiles(f"{path} is not there: it holds {holds}; get it from {self.url}")
        return _decode(path.read_bytes(), str(path))


class Archive:
    """Read-only members of a zip, a tar or a folder; paths below its own top folder, if it has one."""

    def __init__(self, path: Path, holds: str, url: str) -> None:
        self.path, self.holds, self.url = path, holds, url
        self._zip: zipfile.ZipFile | None = None
        self._tar: dict[str, bytes] = {}
        try:
            names = self._open()
        except _DAMAGE as error:
            raise ValueError(f"{path} cannot be opened ({error}): {self._again()}") from error
        # macOS packs shadows of every file beside them
        self.names = [n for n in names if not re.search(r"(^|/)(__MACOSX/|\._)", n)]
        self._members, self._tops = set(self.names), _top_folders(self.names)

    def _open(self) -> list[str]:
        if self.path.is_dir():
            walk = os.walk(self.path, followlinks=True)  # big sets are often linked from elsewhere
            files = [Path(folder, file) for folder, _, names in walk for file in names]
            return [file.relative_to(self.path).as_posix() for file in files]
        if zipfile.is_zipfile(self.path):
            self._zip = zipfile.ZipFile(self.path)
            return [info.filename for info in self._zip.infolist() if not info.is_dir()]
        with tarfile.open(self.path) as tar:  # streams only forwards: keep what it holds
            for member in tar:
                if member.isfile() and (file := tar.extractfile(member)):
                    self._tar[member.name.removeprefix("./")] = file.read()
        return list(self._tar)

    def has(self, name: str) -> bool:
        """Whether there is a member `name`."""
        return any(top + name in self._members for top in self._tops)

    def matching(self, pattern: str) -> list[str]:
        """Members that match a shell pattern (`*` stays within a folder), in natural order.

        Raises:
            MissingFiles: when there is none.
        """
        depth, found = pattern.count("/"), []
        for top in self._tops:
            below = [name.removeprefix(top) for name in self.names if name.startswith(top)]
            found = [n for n in below if n.count("/") == depth and fnmatchcase(n, pattern)]
            if found:
                return sorted(found, key=natural_order)
        raise MissingFiles(f"{self.path} has no {pattern}: {self._again()}")

    def read(self, name: str) -> bytes:
        """The bytes of member `name`.

        Raises:
            MissingFiles: when it is not there.
            ValueError: when its checksum is wrong.
        """
        member = self.require(name)
        try:
            if self._zip is not None:
                return self._zip.read(member)
            return self._tar[member] if self._tar else (self.path / member).read_bytes()
        except _DAMAGE as error:
            raise ValueError(
                f"{self.path}: {name} is damaged ({error}): {self._again()}"
            ) from error

    def text(self, name: str, fallback: str | None = None) -> str:
        """The text of member `name`, UTF-8 with or without byte-order mark, else in `fallback`."""
        return _decode(self.read(name), f"{self.path}: {name}", fallback)

    def require(self, name: str) -> str:
        """The member's full path. Raises MissingFiles when it is not there."""
        for top in self._tops:
            if top + name in self._members:
                return top + name
        raise MissingFiles(f"{self.path} has no {name}: {self._again()}")

    def _again(self) -> str:
        return f"it should hold {self.holds}; get it again from {self.url}"


def natural_order(name: str) -> list[tuple[str, int]]:
    """A sort key that puts img_2 before img_10."""
    return [(text, int(digits or -1)) for text, digits in re.findall(r"(\D*)(\d*)", name)]


def _top_folders(names: Sequence[str]) -> list[str]:
    """`["", "a/", "a/b/"]` where every member lies in a/b: owners and users pack at any depth."""
    parents = [PurePosixPath(name).parts[:-1] for name in names]
    tops = [""]
    for level in zip(*parents, strict=False):
        if len(set(level)) > 1:
            break
        tops.append(f"{tops[-1]}{level[0]}/")
    return tops


def _decode(data: bytes, where: str, fallback: str | None = None) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if fallback:
            return data.decode(fallback)
        raise ValueError(f"{where} is not UTF-8 text ({error}): it is damaged") from error


def image_problem(data: bytes) -> str | None:
    """Why these bytes are not a whole picture, or None. Decodes all of it: a cut JPEG has a good head."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        return str(error)
    return None
