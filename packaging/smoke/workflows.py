"""The workflows: GitHub's schema, zizmor, shellcheck of all they run, and rules of our own."""

import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from building.project import PACKAGING, ROOT, WORK, Trouble, need

FOLDER, ACTIONS = ROOT / ".github" / "workflows", ROOT / ".github" / "actions"
TOOLS = ("check-jsonschema==0.39.0", "zizmor==1.32.0")
SHELLS = ("bash", "sh")

_PINNED = re.compile(r"uses: +(?:\./[\w./-]+|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$")


def check(folder: Path) -> str:
    """A line for each thing that was looked at; what is wrong is printed, too."""
    tools, workflows, actions = _tools(), sorted(FOLDER.glob("*.yml")), sorted(ACTIONS.glob("*/action.yml"))
    schema = (tools / "check-jsonschema", "--builtin-schema")
    wrong = _run("GitHub's schema of workflows", *schema, "vendor.github-workflows", *workflows)
    wrong += _run("GitHub's schema of actions", *schema, "vendor.github-actions", *actions)
    wrong += _run("zizmor", tools / "zizmor", "--offline", "--no-progress", "--pedantic", ROOT / ".github")
    for file in workflows:
        found = list(faults(file.read_text("utf-8")))
        print("\n".join(f"{file.name}: {fault}" for fault in found) or f"ok: our rules, {file.name}", flush=True)
        wrong += bool(found)
    steps = [script for file in (*workflows, *actions) for script in _scripts(file, folder)]
    scripts = [*steps, *sorted(PACKAGING.glob("*/*.sh"))]
    wrong += _run(f"shellcheck, {len(scripts)} scripts", need("shellcheck"), "--severity=style", *scripts)
    if wrong:
        raise Trouble(f"{wrong} of these are wrong, see above.")
    return f"{len(workflows)} workflows, {len(actions)} action, {len(scripts)} scripts, {len(steps)} of them steps"


def faults(text: str) -> Iterator[str]:
    """What is against our rules in a workflow."""
    for line in text.splitlines():
        if "uses:" in line and not _PINNED.search(line.strip()):
            yield f"not pinned by its full hash, with the version beside it: {line.strip()}"
    if re.search(r"\bpull_request_target\b|\bworkflow_run\b", text):
        yield "it runs with rights on what strangers send"
    workflow = import_module("yaml").safe_load(text)
    if workflow.get("permissions") != {}:
        yield "it does not begin with `permissions: {}`"
    if "concurrency" not in workflow:
        yield "it says nothing of runs at the same time"
    for name, job in workflow["jobs"].items():
        yield from (f"{name}: {fault}" for fault in _faults_of(job))


def _faults_of(job: dict[str, Any]) -> Iterator[str]:
    if "permissions" not in job:
        yield "it does not say what it may do"
    if "timeout-minutes" not in job and "uses" not in job:
        yield "it may run for ever"
    for step in job.get("steps", []):
        if "${{" in step.get("run", ""):
            yield f"an expression is written into a shell: {step.get('name', step['run'])}"
        if "actions/checkout@" in step.get("uses", "") and step.get("with", {}).get("persist-credentials") is not False:
            yield "a checkout leaves its token behind"


def _scripts(file: Path, folder: Path) -> Iterator[Path]:
    """What the workflow or action in `file` has shells do, each step as a file of its own."""
    read = import_module("yaml").safe_load(file.read_text("utf-8"))
    shell = read.get("defaults", {}).get("run", {}).get("shell", "")
    for name, job in read.get("jobs", {file.parent.name: read.get("runs", {})}).items():
        for number, step in enumerate(job.get("steps", [])):
            kind = step.get("shell", shell)
            if "run" in step and kind in SHELLS:
                script = folder / f"{file.stem}-{name}-{number}.sh"
                script.write_text(f"#!/usr/bin/env {kind}\nset -eo pipefail\n{step['run']}", "utf-8")
                yield script
            elif "run" in step and kind != "pwsh":
                raise Trouble(f"{file.name}: {name}: a step does not say which shell it is for.")


def _run(what: str, tool: str | Path, *arguments: str | Path) -> int:
    done = subprocess.run([tool, *arguments], cwd=ROOT, check=False, capture_output=True, text=True)
    print(f"ok: {what}" if not done.returncode else f"{what}:\n{done.stdout}{done.stderr}", flush=True)
    return int(bool(done.returncode))


def _tools() -> Path:
    """Where they are, in an environment of their own, made once."""
    place = WORK / "workflow-tools"
    mark = place / "made-of"
    scripts = place / ("Scripts" if sys.platform == "win32" else "bin")
    if not mark.exists() or mark.read_text("utf-8") != " ".join(TOOLS):
        venv.create(place, with_pip=True, clear=True)
        quiet = ["--quiet", "--disable-pip-version-check"]
        subprocess.run([scripts / "python", "-m", "pip", "install", *quiet, *TOOLS], check=True)
        mark.write_text(" ".join(TOOLS), "utf-8")
    return scripts
