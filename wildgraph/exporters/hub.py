"""Handing a data set to the Hugging Face Hub: privately, unless its owner opens it there."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from wildgraph.errors import RunError, UsageError

TOKEN = "HF_TOKEN"  # noqa: S105 - the variable's name

_OURS = re.compile(r"\w+/(train|test)-\d{5}-of-\d{5}\.(parquet|jsonl)|trl_\w+\.py", re.ASCII)
_REPO = re.compile(r"[\w.-]+/[\w.-]{1,96}", re.ASCII)


def check_push(repo: str) -> None:
    """See, before anything is exported, that it can be pushed.

    Raises:
        UsageError: the name is none of a repository, or there is no token in the environment.
    """
    if not _REPO.fullmatch(repo):
        raise UsageError(f"{repo!r} is no name of a repository", "write it OWNER/NAME")
    if not os.environ.get(TOKEN):
        raise UsageError(f"there is no token to push {repo} with", f"set {TOKEN} to a token that may write to it")


def push(folder: Path, files: Sequence[Path], repo: str) -> str:
    """Upload the files of a data set in one commit, in the place of those that an earlier push left; returns the address of the repository.

    A repository that is missing is made, private. One that is public already is left alone.

    Args:
        folder: of the data set.
        files: those to upload, in ``folder``.
        repo: ``OWNER/NAME``. The token comes from ``HF_TOKEN`` and nowhere else, the address of the hub from ``HF_ENDPOINT``.

    Raises:
        UsageError: there is no token, or the repository is public. RunError: the hub refuses, or cannot be reached.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
    from huggingface_hub import errors as hub_errors
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    # Of whichever HTTP library this version of the client uses; it does not say that it passes it on.
    unreachable: type[Exception] = hub_errors.__dict__["HTTPError"]

    check_push(repo)
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=os.environ[TOKEN])
    try:
        api.create_repo(repo, repo_type="dataset", private=True, exist_ok=True)
        info = api.dataset_info(repo)
        if not info.private:
            raise UsageError(
                f"{repo} is public", "make it private on the hub, or name another repository; publish it by hand once you have read it"
            )
        names = {file.relative_to(folder).as_posix(): file for file in files}
        # What an earlier push left, and nothing that somebody else put there.
        stale = [one.rfilename for one in info.siblings or () if one.rfilename not in names and _OURS.fullmatch(one.rfilename)]
        api.create_commit(
            repo,
            [
                *(CommitOperationAdd(name, str(file)) for name, file in names.items()),
                *(CommitOperationDelete(name) for name in stale),
            ],
            commit_message="Data set made with wildgraph",
            repo_type="dataset",
        )
    except HfHubHTTPError as error:
        raise RunError(
            f"the hub refuses {repo}: {' '.join(str(error).split())[:300]}", f"does {TOKEN} belong to somebody who may write there?"
        ) from error
    except OfflineModeIsEnabled as error:
        raise RunError(f"cannot push {repo}: HF_HUB_OFFLINE is set", "unset it") from error
    except (unreachable, OSError, RuntimeError) as error:
        raise RunError(f"cannot push {repo}: {' '.join(str(error).split())[:300]}", "the data set is on disk; try again") from error
    return f"{api.endpoint}/datasets/{repo}"
