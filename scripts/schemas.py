#!/usr/bin/env python3
"""Writes docs/schema/application-P.json for every profile that is open to applicants: the application data that
`yuandian apply --profile P --data FILE` takes.  Run it after a change in profiles/; src/cli/schema_test.c compares."""
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[1]
WIDTH = 110
TERMS = {
    "purpose": {
        "description": "the government activity (application system, department) the certificate is first wanted for (R02.4)",
        "type": "string", "minLength": 1, "maxLength": 512},
    "region": {
        "description": "six-digit code, GB/T 2260",
        "type": "string", "pattern": "^[1-9][0-9]+$", "minLength": 6, "maxLength": 6},
    "agreement": {
        "description": "the subscriber agreement, present edition, accepted by the applicant (R21.1)",
        "type": "object", "additionalProperties": False, "required": ["version", "accepted"],
        "properties": {"version": {"const": "1"}, "accepted": {"const": True}}},
}
WORDS = {
    "duplicate": {
        "description": "the holder has a certificate of this profile and class and wants another (R30.2)",
        "const": "accepted"},
}


def layout(value, indent=0, lead=0):
    """JSON with short values on one line."""
    one = json.dumps(value, ensure_ascii=False)
    if indent and (not isinstance(value, (dict, list)) or not value or indent + lead + len(one) <= WIDTH - 2):
        return one
    pad, end = " " * (indent + 2), "\n" + " " * indent
    if isinstance(value, dict):
        rows = [f"{pad}{json.dumps(k, ensure_ascii=False)}: {layout(v, indent + 2, len(k) + 4)}" for k, v in value.items()]
        return "{\n" + ",\n".join(rows) + end + "}"
    return "[\n" + ",\n".join(pad + layout(v, indent + 2) for v in value) + end + "]"


def schema(profile):
    title = profile["title"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"yuandian apply --profile {profile['id']} --data FILE: application data, {title['zh']} ({title['en']})",
        "description": "Evidence: " + "; ".join(f"{e['type']} ({e['title']['zh']}, {e['title']['en']})" for e in profile["evidence"]),
        "type": "object",
        "additionalProperties": False,
        "required": ["identity", *TERMS],
        "properties": {"identity": profile["identity"], **TERMS, **WORDS},
    }


for path in sorted((ROOT / "profiles").glob("*.json")):
    data = json.loads(path.read_text())
    if path.name != "profile.schema.json" and not data.get("internal"):
        (ROOT / "docs/schema" / f"application-{data['id']}.json").write_text(layout(schema(data)) + "\n")
