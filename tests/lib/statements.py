#!/usr/bin/env python3
"""Prints every SQL text of the roles' sources, one per line: schema, place, text (tab-separated).
Adjacent literals are joined and macros that stand for literals are put in."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
# whose tables a folder's statements are about
SCHEMA = {"authority": ["ca", "source"], "evidence": ["common"], "backup": ["status"], "directory": ["status"], "deadline": ["register"]}
LITERAL = r'"(?:[^"\\\n]|\\.)*"'
RUN = re.compile(rf'(?:{LITERAL}|[A-Z][A-Z_]+)(?:\s+(?:{LITERAL}|[A-Z][A-Z_]+))*')


def text_of(run, macros):
    """None when the run names something that stands for no literal."""
    out = []
    for part in re.findall(rf"{LITERAL}|[A-Z][A-Z_]+", run):
        out.append(part[1:-1] if part[0] == '"' else text_of(macros[part], macros) if part in macros else None)
    return None if None in out else "".join(out)


for path in sorted((ROOT / "src").glob("*/*.c")):
    folder = path.parent.name
    if path.name.endswith("_test.c") or folder == "db":
        continue
    source = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), path.read_text(), flags=re.S)
    joined = source.replace("\\\n", "  ")
    macros = dict(re.findall(rf'^#define (\w+)[ \t]+({LITERAL}.*)$', joined, re.M))
    for m in RUN.finditer(re.sub(r"^#.*$", "", joined, flags=re.M)):
        text = text_of(m[0], macros)
        if text and re.match(r"(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH) ", text):
            for schema in SCHEMA.get(folder, [folder]):
                print(schema, path.relative_to(ROOT), text, sep="\t")
