"""A Flink distribution of our own, made from the pip package: its scripts and settings copied, its jars linked."""

import re
import shutil
import sys
import sysconfig
from pathlib import Path

from infra.stack import jars, java, ports
from infra.stack.addresses import Addresses

ROOT = Path(__file__).parents[2]
PACKAGE = Path(sysconfig.get_path("purelib")) / "pyflink"
SLOTS_MEMORY = "1800m"
_OPTS = re.compile(r"^\s+all: (.*)$", re.MULTILINE)


def make(home: Path, addresses: Addresses) -> None:
    """Write the distribution; again, it only writes the settings anew."""
    for name in ("bin", "conf"):
        shutil.copytree(PACKAGE / name, home / name, dirs_exist_ok=True)
    # in lib, or pemja is loaded by a second class loader after a restart and refuses (facts of JDK 17)
    in_lib = [*(PACKAGE / "lib").glob("*.jar"), *(PACKAGE / "opt").glob("flink-python-*.jar"), *jars.fetch(jars.Part.FLINK).glob("*.jar")]
    _link_all(home / "lib", in_lib)
    _link_all(home / "opt", list((PACKAGE / "opt").glob("*.jar")))
    _link_all(home / "plugins", list((PACKAGE / "plugins").iterdir()))
    (home / "conf/config.yaml").write_text(_settings(home, addresses), encoding="utf-8")


def environment(home: Path) -> dict[str, str]:
    """What Flink's scripts, and the Python inside a TaskManager, need to know."""
    return {
        "JAVA_HOME": str(java.java_home()),
        "FLINK_HOME": str(home),
        "FLINK_CONF_DIR": str(home / "conf"),
        "FLINK_LIB_DIR": str(home / "lib"),
        "FLINK_OPT_DIR": str(home / "opt"),
        "FLINK_PLUGINS_DIR": str(home / "plugins"),
        "FLINK_LOG_DIR": str(home.parent / "logs"),
        "FLINK_PID_DIR": str(home),
        # a .pth file is not read from PYTHONPATH: both, the packages and ours
        "PYTHONPATH": f"{PACKAGE.parent}:{ROOT}",
    }


def _link_all(folder: Path, targets: list[Path]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for target in targets:
        (folder / target.name).symlink_to(target)


def _settings(home: Path, addresses: Addresses) -> str:
    stock = _OPTS.search((PACKAGE / "conf/config.yaml").read_text(encoding="utf-8"))
    assert stock is not None
    return f"""\
env:
  java:
    opts:
      all: {stock.group(1)}
jobmanager:
  bind-host: {ports.LOOPBACK}
  rpc: {{address: {ports.LOOPBACK}, port: {addresses.flink_rpc}}}
  memory: {{process: {{size: 1200m}}}}
  # in-place rescaling needs it
  scheduler: adaptive
  execution: {{failover-strategy: region}}
taskmanager:
  bind-host: {ports.LOOPBACK}
  host: {ports.LOOPBACK}
  # one interpreter lock per TaskManager, so one slot
  numberOfTaskSlots: 1
  memory:
    process: {{size: {SLOTS_MEMORY}}}
    managed: {{fraction: 0.2}}
    network: {{min: 48m, max: 64m}}
    # the Python heap lives here
    task: {{off-heap: {{size: 256m}}}}
blob: {{server: {{port: {addresses.flink_blob}}}}}
parallelism: {{default: 1}}
rest: {{address: {ports.LOOPBACK}, bind-address: {ports.LOOPBACK}, port: {addresses.flink_rest}, bind-port: {addresses.flink_rest}}}
classloader:
  parent-first-patterns: {{additional: pemja}}
state:
  backend: {{type: rocksdb, incremental: true}}
execution:
  buffer-timeout: {{interval: 5ms}}
  checkpointing:
    dir: {(home / "checkpoints").as_uri()}
    savepoint-dir: {(home / "savepoints").as_uri()}
    interval: 5s
restart-strategy: {{type: fixed-delay, fixed-delay: {{attempts: 1000, delay: 1s}}}}
heartbeat: {{timeout: 10000, interval: 2000}}
# a JobManager that shares its cores takes more than the stock ten seconds to plan a job that was submitted
pekko: {{ask: {{timeout: 60s}}}}
python:
  execution-mode: thread
  executable: {sys.executable}
  client: {{executable: {sys.executable}}}
metrics: {{fetcher: {{update-interval: 500}}}}
io: {{tmp: {{dirs: {home / "tmp"}}}}}
"""
