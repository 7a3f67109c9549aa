"""Applicants of every profile that is open to them, from the examples in the profiles themselves."""
import json

from yuandian import BINARY, citizen_number, credit_code, run


def open_profiles():
    """{id: profile}"""
    rows = json.loads(run(BINARY, "profile", "list", "--json").stdout)["profiles"]
    return {r["id"]: json.loads(run(BINARY, "profile", "show", r["id"]).stdout) for r in rows if not r["internal"]}


def another(identity, n):
    """The example as another holder, the n-th: own numbers of documents, organisations and devices."""
    o = json.loads(json.dumps(identity))
    for at, document in enumerate((o.get("document"), o.get("agent", {}).get("document"))):
        if document and document["type"] == "citizen":
            document["number"] = citizen_number(n + 20000 * at)
        elif document:
            document["number"] = f"E{10000000 + n + 20000 * at}"
    if "code" in o:
        o["code"] = credit_code(f"{o['code'][:8]}M{n:06d}Y4")
    if "serial" in o:
        o["serial"] = f"SN-{n}"
    if "dns" in o and o["name"] in o["dns"]:
        o["name"], o["dns"] = f"w{n}.example.gov.cn", [f"w{n}.example.gov.cn", f"*.w{n}.example.gov.cn"]
    return o


def application_of(profile, n, **more):
    return {"identity": {**another(profile["example"], n), **more}, "purpose": "电子公文交换", "region": "350100",
            "agreement": {"version": "1", "accepted": True}}


def evidence_of(profile):
    return [e["type"] for e in profile["evidence"]]
