"""What may be moved along with the last video of a folder, by names alone. Pure."""

from __future__ import annotations

import re
from fnmatch import translate

from framewatch.library.companions import is_folder_companion

# Hidden files that desktops, NAS systems and media servers leave in every folder. Others may belong to a program that
# is still at work, such as rsync's and Syncthing's temporary files.
_HIDDEN = (
    *(".ds_store", "._*", ".directory", ".localized", ".picasa.ini", ".hidden", ".thumbnails", ".appledouble"),
    *(".apdisk", ".volumeicon.icns", ".plexignore", ".embyignore", ".comments", ".xvpics", ".bridgesort"),
    *(".bridgecache*", ".fseventsd", ".spotlight-v100", ".trashes", ".@__thumb"),
)
_HARMLESS = re.compile("|".join(map(translate, _HIDDEN)), re.IGNORECASE)
_SAMPLE_FOLDERS = ("sample", "samples", "proof")
_SAMPLE = re.compile(r"^sample[\W_]|[\W_]sample\.[^.]*$", re.IGNORECASE)


def is_foreign_work(name: str) -> bool:
    """Return whether a hidden file or folder may belong to a program that is still at work in its folder."""
    harmless = _HARMLESS.match(name) or any(is_folder_companion(name, is_folder=each) for each in (False, True))
    return name.startswith(".") and not harmless


def is_sample(path: str) -> bool:
    """Return whether a path, with slashes, is that of a sample of a video: by its folder or by its name's ends."""
    *folders, name = path.split("/")
    return any(folder.lower() in _SAMPLE_FOLDERS for folder in folders) or bool(_SAMPLE.search(name))
