#!/usr/bin/env python3
"""make_upgrade.py NAME: keeps a data folder of the present program as tests/data/upgrade/NAME.tar.xz, for tests of
later ones (tests/e2e/19_upgrade.py).  Demonstration keys only; officers' certificates end after a year.  Run once for each release, before its tag."""
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from yuandian import *  # noqa: E402,F403

name = sys.argv[1]
work = pathlib.Path(tempfile.mkdtemp())
p = Platform("--test-clock", data=work / "data", demo=False)
plan = json.loads((ROOT / "plans/demo.json").read_text())
plan["base_port"] = 20400
(work / "plan.json").write_text(json.dumps(plan))
run(BINARY, "ceremony", "--plan", work / "plan.json", "--data", p.data, "--test-clock")
with open(p.data / "keycentre/kmc/config.yaml", "a") as f:
    f.write("standby_keep: 8\nstandby_fill: 16\n")
p.start(base_port=False)
(p.data / "kept").mkdir()
for who, number in (("张三", 1), ("李四", 2)):
    w = p.new_request(p.data / "kept" / who, name=who)
    (w / "application.json").write_text(json.dumps(person(who, number), ensure_ascii=False))
    p.as_("entry", "accept", p.issue(w))
gone = "sm2/" + serial_of(p.data / "kept/李四/sign.pem")
p.as_("review", "revoke", gone, "--reason", "keyCompromise")
waiting = p.new_request(p.data / "kept/王五", name="王五")
(waiting / "application.json").write_text(json.dumps(person("王五", 3), ensure_ascii=False))
(waiting / "id").write_text(p.apply(waiting))
time.sleep(3)  # the revocation reaches list and status
(p.data / "kept/at").write_text(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
p.stop()
subprocess.run(["tar", "-C", p.data, "--owner=0", "--group=0", "--sort=name", "-cJf",
                ROOT / f"tests/data/upgrade/{name}.tar.xz", "."], check=True)
shutil.rmtree(work)
