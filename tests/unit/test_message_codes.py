"""Every code has a text and is raised somewhere; no error is raised with a bare sentence; messages survive storage."""

import ast
import re
from pathlib import Path
from typing import TypeGuard

import gnb.blueprints.admin
import gnb.jobs  # noqa: F401
from gnb.messages import Message, make_message
from gnb.messages.templates import TEMPLATES
from gnb.queueing.errors import CodedError
from gnb.queueing.messages import TEXTS


def coded_classes(base: type = CodedError) -> dict[str, type[CodedError]]:
    found = {}
    for each in base.__subclasses__():
        found |= {each.__name__: each, **coded_classes(each)}
    return found


def sources() -> dict[Path, ast.Module]:
    catalogues = {"gnb/messages/templates.py", "gnb/messages/schema.py", "gnb/queueing/messages.py"}
    return {path: ast.parse(path.read_text()) for path in Path("gnb").rglob("*.py") if str(path) not in catalogues}


def test_every_code_is_raised_somewhere() -> None:
    used: set[str] = set()
    prefixes: set[str] = set()
    for tree in sources().values():
        nodes = list(ast.walk(tree))
        constants = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        defined = {node.name for node in nodes if isinstance(node, ast.ClassDef)}
        used |= constants
        for name, error in coded_classes().items():
            if name in names | defined:
                used |= {f"{error.code}.{reason}" for reason in constants}
            if name in names:
                used.add(error.code)
        prefixes |= {str(node.values[0].value) for node in nodes if is_prefixed(node)}
    used |= set(
        re.findall(r"'([a-z_]+(?:\.[a-z_]+)?)'", "".join(path.read_text() for path in Path("gnb").rglob("*.lua")))
    )
    prefixes = {prefix for prefix in prefixes if "." in prefix}
    codes = {**TEXTS, **TEMPLATES}
    assert [code for code in codes if code not in used and not code.startswith(tuple(prefixes))] == []


def is_prefixed(node: ast.AST) -> TypeGuard[ast.JoinedStr]:
    return isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant)


def test_no_error_is_raised_with_a_bare_sentence() -> None:
    found = []
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
                continue
            error, reason = coded_classes().get(node.func.id), node.args[0]
            if error is None or not isinstance(reason, ast.Constant | ast.JoinedStr):
                continue
            if not isinstance(reason, ast.Constant) or f"{error.code}.{reason.value}" not in error.texts:
                found.append(f"{path}:{node.lineno}")
    assert found == []


def test_a_message_is_the_same_after_redis_stored_it() -> None:
    inner = make_message("smtp.timeout")
    before = make_message("mail_unavailable.server", server="mx:25", what=inner)
    after = Message.unpack(before.pack())
    assert (str(after), after.code, after.params) == (str(before), before.code, before.params)
    assert after.params["what"].code == "smtp.timeout"
