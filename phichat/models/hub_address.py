"""Parse what people paste to name a model on the Hub: names, addresses, and commands of other programs.

Such as `owner/repo`, `owner/repo:file.gguf`, `owner/repo:Q4_K_M`, an address from a browser, `ollama run hf.co/…`.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, unquote, urlsplit

MAIN = "main"
HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com")
MAX_FILE = 1000  # characters of a path
MAX_TEXT = 10_000  # characters of what is pasted

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_TAG = re.compile(r"[\w.-]{1,100}", re.ASCII)
_VIEWS = ("blob", "resolve", "raw", "tree", "edit", "commits", "blame")
_FOLDERS = ("tree", "commits")  # views that are not of a file
_COMMANDS = ("curl", "docker", "git", "hf", "huggingface-cli", "lms", "ollama", "phichat", "wget")
_COMMAND = re.compile(rf"({'|'.join(_COMMANDS)}|llama[\w-]*)(\.exe)?", re.ASCII)
_QUANTISATION = re.compile(r"i?q\d[\w.]*|bf16|f16|f32|mxfp4[\w.]*", re.ASCII | re.IGNORECASE)
_GIT_HOST = re.compile(r"git@([\w.-]+):", re.ASCII)
_OTHER_SCHEME = re.compile(r"(ollama|lmstudio)://", re.ASCII)
_CALL = re.compile(r"\brepo_id\s*=\s*[\"']([^\"']+)(?:.*?\bfilename\s*=\s*[\"']([^\"']+))?", re.DOTALL)
_OTHER_KINDS = ("datasets", "spaces")  # of repositories, which hold no models
_QUOTES = "\"'`´“”‘’„«»‹›<>()[]{}"
_MARKDOWN_LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)[^)]*\)")


@dataclass(frozen=True)
class HubAddress:
    """A repository on the Hub and the path of a file in it, empty for none; `revision` is a branch or commit.

    `tag` is what is said of a file instead of its name, such as `Q4_K_M`; mostly empty.
    """

    repo: str
    file: str = ""
    revision: str = MAIN
    tag: str = ""


def parse_hub_address(text: str) -> HubAddress | None:
    """Return the address that `text` names; None if it is not one on the Hub."""
    if len(text) > MAX_TEXT:
        return None
    text = _unwrap(text)
    return _parse_word(text) or _parse_pair(text) or _parse_call(text) or _parse_command(text)


def is_harmless(address: HubAddress) -> bool:
    """Return whether the path stays within the repository and is printable."""
    steps = address.file.split("/") if address.file else ["file"]
    is_within = ".." not in address.repo and all(steps) and not {".", ".."} & set(steps)
    return is_within and len(address.file) <= MAX_FILE and (address.file + address.revision).isprintable()


def _unwrap(text: str) -> str:
    """Return `text` without what surrounds it where it was copied: blanks, invisible signs, quotes, a Markdown link."""
    text = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    if link := _MARKDOWN_LINK.search(text):
        text = link[1]
    return text.strip().strip(_QUOTES).rstrip(",;!.").strip().strip(_QUOTES)


def _parse_word(text: str) -> HubAddress | None:
    text = _OTHER_SCHEME.sub("", _GIT_HOST.sub(r"https://\1/", text, count=1), count=1)
    found = _from_url(text) if "://" in text else _from_name(text)
    return found if found and _REPO.fullmatch(found.repo) and is_harmless(found) else None


def _parse_pair(text: str) -> HubAddress | None:
    """Return the address of a repository with a file, or what is said of one, behind a blank."""
    repo, *rest = text.split() or [""]
    is_pair = len(rest) == 1 and (rest[0].lower().endswith(".gguf") or _QUANTISATION.fullmatch(rest[0]))
    return _parse_word(f"{repo}:{rest[0]}") if is_pair and _REPO.fullmatch(repo) else None


def _parse_call(text: str) -> HubAddress | None:
    """Return the address in Python code: `repo_id="owner/repo", filename="*Q4_K_M.gguf"`."""
    call = _CALL.search(text)
    if not call:
        return None
    file = call[2] or ""
    if file.startswith("*"):
        file = file.strip("*").removesuffix(".gguf").strip("*-._")
    return _parse_word(f"{call[1]}:{file}" if file else call[1])


def _parse_command(text: str) -> HubAddress | None:
    """Return the address in a command of another program, or in a sentence with an address from a browser."""
    words = [_unwrap(word) for word in text.split()]
    is_command = bool(words) and bool(_COMMAND.fullmatch(words[0].rpartition("/")[2]))
    if is_command:  # `llama-server -hf=owner/repo`
        words = [word.partition("=")[2] if word.startswith("-") and "=" in word else word for word in words]
    candidates = [word for word in words if _is_web(word) or (is_command and not word.startswith("-"))]
    found = next(_addresses(candidates), None)
    if found and not found.file and not found.tag:  # `hf download owner/repo file.gguf`
        files = (word for word in words if word.lower().endswith(".gguf") and not _is_web(word))
        named = HubAddress(found.repo, next(files, ""), found.revision)
        return named if is_harmless(named) else found
    return found


def _addresses(words: list[str]) -> Iterator[HubAddress]:
    yield from (found for word in words if (found := _parse_word(word)))


def _is_web(word: str) -> bool:
    return "://" in word or word.lower().startswith(tuple(f"{host}/" for host in HOSTS))


def _from_name(text: str) -> HubAddress | None:
    if _is_web(text):
        return _from_url(f"https://{text}")
    repo, _, rest = text.rstrip("/").partition(":")
    steps = repo.split("/")
    if not rest and len(steps) > 2:
        return _from_steps(steps) if steps[2] in _VIEWS or steps[-1].lower().endswith(".gguf") else None
    repo, _, revision = repo.rstrip("/").partition("@")
    if not rest and _QUANTISATION.fullmatch(revision):
        return HubAddress(repo, tag=revision)
    found = _with_rest(repo, rest)
    return replace(found, revision=revision or MAIN) if found else None


def _with_rest(repo: str, rest: str) -> HubAddress | None:
    """Return the address of what follows the colon behind `repo`: a file, or what is said of one."""
    repo = repo.removesuffix(".git")
    if not rest or rest.lower().endswith(".gguf"):
        return HubAddress(repo, rest)
    return HubAddress(repo, tag=rest) if _TAG.fullmatch(rest) else None


def _from_url(text: str) -> HubAddress | None:
    try:
        parts = urlsplit(text)
        host = parts.hostname
        query = parse_qs(parts.query)
    except ValueError:
        return None
    if parts.scheme == "hf":
        return _from_steps([parts.netloc, *parts.path.strip("/").split("/")])
    if parts.scheme not in {"http", "https"} or host not in _hosts():
        return None
    steps = [unquote(step) for step in parts.path.strip("/").split("/")]  # a branch may contain %2F
    if steps[:2] == ["api", "models"]:
        steps = steps[2:]
    found = _from_steps(steps)
    shown = query.get("show_file_info") or query.get("filename")
    return HubAddress(found.repo, shown[0], found.revision) if found and shown and not found.file else found


def _from_steps(steps: list[str]) -> HubAddress | None:
    """Return the address of a path on the Hub: `owner/repo`, `owner/repo/blob/main/file`, `owner/repo/file.gguf`."""
    if steps[0] in _OTHER_KINDS:
        return None
    if steps[0] == "models":
        steps = steps[1:]
    owner, name, *rest = [*steps, "", ""][: max(len(steps), 2)]
    repo, _, tag = f"{owner}/{name}".partition(":")
    repo, _, revision = repo.partition("@")
    if rest and rest[0] in _VIEWS:
        file = "" if rest[0] in _FOLDERS else "/".join(rest[2:]).strip("/")
        return HubAddress(repo, file, (rest[1:2] or [""])[0] or MAIN)
    file = "/".join(rest) if rest and rest[-1].lower().endswith(".gguf") else ""
    found = HubAddress(repo, file) if file else _with_rest(repo, tag)
    return HubAddress(found.repo, found.file, revision or MAIN, found.tag) if found else None


def _hosts() -> set[str | None]:
    endpoint = os.environ.get("HF_ENDPOINT", "")
    try:
        return {*HOSTS, urlsplit(endpoint).hostname}
    except ValueError:
        return {*HOSTS}
