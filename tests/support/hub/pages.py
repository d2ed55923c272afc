"""What the hub server answers when nothing goes wrong, as the Hub does."""

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.support.hub.answers import Answer, Span, whole
from tests.support.hub.faults import Asked, refuse
from tests.support.hub.store import Repo, Stored

RESOLVE = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
MODEL = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?")
TREE = re.compile(r"/api/models/(?P<repo>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)(?:/(?P<file>.+))?")
SEARCH = "/api/models"
EXPANDABLE = {
    "author", "baseModels", "cardData", "childrenModelCount", "config", "createdAt", "disabled", "downloads",
    "downloadsAllTime", "evalResults", "gated", "gguf", "inference", "inferenceProviderMapping", "lastModified",
    "library_name", "likes", "mask_token", "model-index", "pipeline_tag", "private", "resourceGroup", "safetensors",
    "sha", "siblings", "spaces", "tags", "transformersInfo", "trendingScore", "usedStorage", "widgetData",
}  # fmt: skip
"""The fields that huggingface_hub 2.4 lists as `ExpandModelProperty_T`."""

CDN = re.compile(r"/cdn/(?P<sha256>[0-9a-f]{64})/(?P<file>.+)")


class Shelves(Protocol):
    """What the pages are made of."""

    repos: dict[str, Repo]
    renamed: dict[str, str]
    tokens: frozenset[str] | None
    direct: bool
    link_token: int

    @property
    def cdn(self) -> str: ...

    def file(self, sha256: str) -> Stored | None: ...


class Refusal(Exception):
    """A page that is an error: status, message, and the Hub's name of it."""


def answer(shelves: Shelves, asked: Asked) -> Answer:
    """The page that was asked for."""
    url = urlsplit(asked.path)
    try:
        if asked.method not in {"GET", "HEAD"}:
            raise Refusal(405, "Method Not Allowed")
        if asked.place == "cdn":
            return _bytes(shelves, asked, url.path, parse_qs(url.query))
        return _page(shelves, asked, url.path, parse_qs(url.query))
    except Refusal as refusal:
        found = Answer(200)
        refuse(found, *refusal.args)
        return found


def range_start(header: str | None) -> int | None:
    """Where "bytes=5-" begins; None if there is no such header, or it counts from the end."""
    match = re.match(r"bytes=(\d+)-", header or "")
    return int(match[1]) if match else None


def _page(shelves: Shelves, asked: Asked, path: str, query: Mapping[str, list[str]]) -> Answer:
    if path == SEARCH:
        _check_token(shelves, asked)
        return _json(_found(shelves, query))
    match = TREE.fullmatch(path) or MODEL.fullmatch(path) or RESOLVE.fullmatch(path)
    if not match:
        raise Refusal(404, "Sorry, we can't find the page you are looking for.")
    _check_token(shelves, asked)
    name = match["repo"]
    if name in shelves.renamed:
        return _moved(asked.path.replace(name, shelves.renamed[name], 1))
    repo = _repo(shelves, asked, name)
    commit = repo.commit_of(unquote(match["revision"] or "main"))
    if commit is None:
        raise Refusal(404, f"Invalid rev id: {match['revision']}", "RevisionNotFound")
    if match.re is RESOLVE:
        return _resolved(shelves, asked, repo, commit, unquote(match["file"]))
    if match.re is MODEL:
        return _json(repo.description(commit, with_blobs="blobs" in query))
    is_deep = query.get("recursive", ["false"])[0].lower() in {"1", "true"}
    return _json(repo.tree(commit, unquote(match["file"] or ""), is_deep))


def _found(shelves: Shelves, query: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    """The answer to a search: models whose names hold all words, the most downloaded first."""
    words = query.get("search", [""])[0].lower().split()
    there = [repo for repo in shelves.repos.values() if all(word in repo.name.lower() for word in words)]
    wanted = set(query.get("filter", []))
    there = [repo for repo in there if wanted <= set(repo.description(repo.head, with_blobs=False)["tags"])]
    there.sort(key=lambda repo: -repo.downloads)
    fields = [name for key in ("expand", "expand[]") for name in query.get(key, [])]
    if unknown := set(fields) - EXPANDABLE:
        raise Refusal(400, f"Invalid value for expand: {min(unknown)}")
    return [repo.entry(fields) for repo in there[: int(query.get("limit", ["1000"])[0])]]


def _token(asked: Asked) -> str | None:
    kind, _, token = asked.headers.get("authorization", "").partition(" ")
    return token if kind == "Bearer" else None


def _check_token(shelves: Shelves, asked: Asked) -> None:
    if (token := _token(asked)) and shelves.tokens is not None and token not in shelves.tokens:
        raise Refusal(401, "Invalid credentials in Authorization header")


def _repo(shelves: Shelves, asked: Asked, name: str) -> Repo:
    if name in shelves.repos:
        return shelves.repos[name]
    if _token(asked):
        raise Refusal(404, "Repository not found", "RepoNotFound")
    # The Hub does not tell strangers what is private and what is not there.
    raise Refusal(401, "Invalid username or password.")


def _check_gate(asked: Asked, repo: Repo) -> None:
    token = _token(asked)
    if not repo.gated or token in repo.readers:
        return
    text = f"Access to model {repo.name} is restricted"
    if token:
        raise Refusal(403, f"{text} and you are not in the authorized list.", "GatedRepo")
    text += ". You must have access to it and be authenticated to access it. Please log in."
    raise Refusal(401, text, "GatedRepo")


def _resolved(shelves: Shelves, asked: Asked, repo: Repo, commit: str, name: str) -> Answer:
    _check_gate(asked, repo)
    file = repo.commits[commit].get(name)
    if file is None:
        raise Refusal(404, "Entry not found", "EntryNotFound")
    headers = {"X-Repo-Commit": commit, "ETag": file.etag}
    if file.is_lfs:
        headers |= {"X-Linked-ETag": file.etag, "X-Linked-Size": str(file.size)}
    if shelves.direct or not file.is_lfs:
        return _content(asked, file, headers)
    headers["Location"] = f"{shelves.cdn}/cdn/{file.sha256}/{quote(name)}?token={shelves.link_token}"
    headers["Content-Type"] = "text/plain; charset=utf-8"
    return Answer(302, headers, [whole(b"Found. Redirecting")])


def _bytes(shelves: Shelves, asked: Asked, path: str, query: Mapping[str, list[str]]) -> Answer:
    match = CDN.fullmatch(path)
    file = shelves.file(match["sha256"]) if match else None
    if file is None:
        raise Refusal(404, "NoSuchKey")
    if query.get("token") != [str(shelves.link_token)]:
        raise Refusal(403, "Request has expired")
    return _content(asked, file, {"ETag": f'"{file.git_id}"'})


def _content(asked: Asked, file: Stored, headers: dict[str, str]) -> Answer:
    span = _asked_span(asked, file, headers["ETag"])
    headers |= {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    found = Answer(206 if span else 200, headers, [span or whole(file.content)], file.content, file.size, is_file=True)
    if span and not span.size:
        found.status, found.headers["Content-Range"] = 416, f"bytes */{file.size}"
    elif span:
        found.headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{file.size}"
    return found


def _asked_span(asked: Asked, file: Stored, etag: str) -> Span | None:
    """The range that was asked for; None if none was, or only for another version of the file."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.headers.get("range", ""))
    if not match or match[0] == "bytes=-" or asked.headers.get("if-range", etag) != etag:
        return None
    if not match[1]:
        return Span(file.content, max(0, file.size - int(match[2])), file.size)
    start, stop = int(match[1]), int(match[2]) + 1 if match[2] else file.size
    return Span(file.content, min(start, file.size), max(min(start, file.size), min(stop, file.size)))


def _moved(location: str) -> Answer:
    return Answer(307, {"Location": location}, [whole(b"Temporary Redirect. Redirecting")])


def _json(page: Any) -> Answer:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    return Answer(200, headers, [whole(json.dumps(page).encode())])
