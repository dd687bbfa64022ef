"""A real Apache Kafka broker for the tests: one node, a plain and a SASL_SSL listener, killed and started at will."""

import base64
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from detector.config import Kafka

VERSION = "4.3.1"
USERNAME, PASSWORD = "alice", "correct horse"
_STORE_PASSWORD = "changeit"
_START_S = 90.0

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
log.dirs={folder}/log
listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{tls},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{tls}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PKCS12
ssl.keystore.location={folder}/broker.p12
ssl.keystore.password={store_password}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
log.cleaner.backoff.ms=500
log.retention.check.interval.ms=1000
"""

_LOG4J = """\
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c{1} %m%n
"""


class Missing(Exception):
    """Something the broker needs is not on this machine; the message says what."""


def jars() -> Path:
    """The folder of the broker's jars: fetched once by Maven (45 MB), then kept in the cache of the user."""
    if not shutil.which("java"):
        raise Missing("java is not installed (Java 17 runs the broker)")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cdr-detector"
    folder = cache / f"kafka-{VERSION}"
    if not (folder / f"kafka_2.13-{VERSION}.jar").exists():
        if not shutil.which("mvn"):
            raise Missing("Maven is not installed (it fetches the broker's jars)")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as fresh:
            _fetch(Path(fresh))
            shutil.rmtree(folder, ignore_errors=True)
            Path(fresh).rename(folder)
            Path(fresh).mkdir()  # for the clean-up
    return folder


def _fetch(folder: Path) -> None:
    command = ["mvn", "-B", "-q", "-f", str(Path(__file__).with_name("pom.xml")), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"Maven could not fetch the broker: {(done.stdout + done.stderr)[-2000:]}")


class Broker:
    """One node. `start()` after `kill()` comes back with the same data on the same ports.

    bootstrap      address of the plain listener
    tls_bootstrap  address of the SASL_SSL listener (SCRAM-SHA-512, USERNAME, PASSWORD)
    ca_file        certificate to trust; other_ca_file: one that signed nothing here
    """

    def __init__(self, jars: Path, folder: Path) -> None:
        self._jars, self._folder = jars, folder
        self._process: subprocess.Popen[bytes] | None = None
        plain, tls, controller = _free_ports(3)
        self.bootstrap = f"127.0.0.1:{plain}"
        self.tls_bootstrap = f"127.0.0.1:{tls}"
        self.ca_file = self._certificate("broker")
        self.other_ca_file = self._certificate("other")
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD + "\n")
        (folder / "log4j2.properties").write_text(_LOG4J)
        (folder / "server.properties").write_text(
            _PROPERTIES.format(
                folder=folder, plain=plain, tls=tls, controller=controller, store_password=_STORE_PASSWORD
            )
        )
        self._format()

    def start(self) -> None:
        """Start and wait until it answers."""
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java(), "kafka.Kafka", str(self._folder / "server.properties")],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        give_up = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.kill()
                raise RuntimeError("the broker did not start: " + (self._folder / "broker.log").read_text()[-3000:])
            time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL: no goodbye, as when a machine loses power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def config(self, **keys: Any) -> Kafka:
        """The `[kafka]` section for this broker, quick to notice things."""
        return Kafka(**{"bootstrap": self.bootstrap, "session_s": 6.0, "outage_s": 60.0, **keys})

    def tls_config(self, **keys: Any) -> Kafka:
        """The same through the listener with TLS and SCRAM."""
        secure = {
            "bootstrap": self.tls_bootstrap,
            "security": "SASL_SSL",
            "username": USERNAME,
            "password_file": str(self.password_file),
            "ca_file": str(self.ca_file),
        }
        return self.config(**{**secure, **keys})

    def create_topic(self, topic: str, partitions: int = 1, **settings: str) -> str:
        """Create a topic (settings with `_` for `.`) and return its name."""
        configs = {name.replace("_", "."): value for name, value in settings.items()}
        with self.admin() as admin:
            admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1, "configs": configs}})
            admin.wait_for_topics([topic])
        return topic

    def produce(
        self,
        topic: str,
        values: Sequence[bytes | None],
        partition: int = 0,
        timestamps_ms: Sequence[int] | None = None,
        keys: Sequence[bytes | None] | None = None,
    ) -> None:
        """Write values, in order, and wait until they are safe."""
        with KafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5, reconnect_backoff_max_ms=500) as producer:
            sent = [
                producer.send(
                    topic,
                    value,
                    partition=partition,
                    key=keys[i] if keys else None,
                    timestamp_ms=timestamps_ms[i] if timestamps_ms else None,
                )
                for i, value in enumerate(values)
            ]
            producer.flush(60)
            for future in sent:
                future.get(timeout=60)

    def consume(self, topic: str) -> list[Any]:
        """Every record of a topic now (kafka-python's ConsumerRecord), partition by partition."""
        settings = {"bootstrap_servers": self.bootstrap, "auto_offset_reset": "earliest", "enable_auto_commit": False}
        with KafkaConsumer(**settings) as consumer:
            partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))]
            consumer.assign(partitions)
            ends = consumer.end_offsets(partitions)
            records: dict[TopicPartition, list[Any]] = {partition: [] for partition in partitions}
            while any(consumer.position(partition) < ends[partition] for partition in partitions):
                for partition, some in consumer.poll(500).items():
                    records[partition].extend(some)
        return [record for partition in partitions for record in records[partition]]

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """Committed offset per partition of a topic."""
        with self.admin() as admin:
            offsets = admin.list_group_offsets(group)
        return {tp.partition: offset.offset for tp, offset in offsets[group].items() if tp.topic == topic}

    def admin(self) -> Any:
        """An admin client, to be closed (or used in `with`)."""
        return KafkaAdminClient(bootstrap_servers=self.bootstrap, reconnect_backoff_max_ms=500)

    def _java(self) -> list[str]:
        quick = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        log4j = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"
        return ["java", *quick, log4j, "-cp", f"{self._jars}/*"]

    def _format(self) -> None:
        cluster = "c" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        user = f"SCRAM-SHA-512=[name={USERNAME},password={PASSWORD}]"
        tool = [*self._java(), "kafka.tools.StorageTool", "format", "-t", cluster, "--add-scram", user]
        _run([*tool, "-c", str(self._folder / "server.properties")])

    def _certificate(self, name: str) -> Path:
        """A self-signed key pair (NAME.p12) and its certificate (NAME.pem), by the keytool that comes with Java."""
        keytool = ["keytool", "-keystore", str(self._folder / f"{name}.p12"), "-storepass", _STORE_PASSWORD]
        subject = ["-dname", f"CN={name}", "-ext", "san=dns:localhost,ip:127.0.0.1", "-ext", "bc=ca:true"]
        _run([*keytool, "-genkeypair", "-storetype", "PKCS12", "-keyalg", "EC", "-alias", name, *subject])
        pem = self._folder / f"{name}.pem"
        _run([*keytool, "-exportcert", "-rfc", "-alias", name, "-file", str(pem)])
        return pem

    def _answers(self) -> bool:
        host, _, port = self.bootstrap.partition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            with self.admin() as admin:
                admin.list_topics()
        except Exception:  # whatever it is, it is not ready yet; start() gives up in time
            return False
        return True


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {(done.stdout + done.stderr)[-2000:]}")


def _free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
