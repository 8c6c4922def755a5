"""Settings: everything that can be chosen from outside, read once from the environment and checked at the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from heji_trace import sentences
from heji_trace.errors import Misconfigured
from heji_trace.people.sessions import Lifetime
from heji_web.service.secret_files import LEAST, is_weak, read_secret_text

HOUR_MS = 3_600_000
# Settings of the field client, which may run on the same machine.
_FIELD = "HEJI_SCAN_"
_OFF = "off"
LOCAL_HOSTS = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the service was told. Addresses are without a slash at the end, sizes in bytes."""

    data: Path
    database_url: str
    database_url_file: Path | None
    head: Path
    key: Path
    base_url: str
    host: str
    port: int
    threads: int
    trusted_hosts: tuple[str, ...]
    proxies: int
    body_limit: int
    bulk_limit: int
    session_idle_hours: int
    session_days: int
    backup: Path | None
    backup_copy: Path | None
    backup_keep: int

    @property
    def backup_folder(self) -> Path:
        """Where backups are written, by hand also where none are made daily."""
        return self.backup or self.data / "backups"

    @property
    def is_https(self) -> bool:
        """Whether people reach the service over TLS, which decides on Secure cookies and HSTS."""
        return self.base_url.startswith("https://")

    @property
    def lifetime(self) -> Lifetime:
        """How long a session lives."""
        return Lifetime(self.session_idle_hours * HOUR_MS, self.session_days * 24 * HOUR_MS)

    @property
    def database_file(self) -> Path | None:
        """The file of a SQLite database, by whatever way the address leads to it; None for a server."""
        if not self.database_url.startswith("sqlite:"):
            return None
        return Path(self.database_url.removeprefix("sqlite:///").partition("?")[0]).resolve()

    @property
    def shown_database(self) -> str:
        """The database's address as people may see it."""
        return _without_password(self.database_url)

    @property
    def locks(self) -> tuple[Path, ...]:
        """The files that a process holds while it may write: that of the data folder, and that of the database's own."""
        file = self.database_file
        folders = (self.data,) if file is None else (self.data, file.parent)
        return tuple(dict.fromkeys(folder / "lock" for folder in folders))


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it is documented; `default` is text as it would stand in the environment."""

    name: str
    default: str
    zh: str
    en: str


DATA = Setting(
    "HEJI_DATA",
    "data",
    "数据文件夹，存放数据库、签名密钥与锁文件。",
    "The folder of the database, the signing key and the lock.",
)
DATABASE_URL = Setting(
    "HEJI_DATABASE_URL",
    "sqlite:///<HEJI_DATA>/heji.db",
    "数据库地址（SQLite 或 PostgreSQL）。",
    "The database, SQLite or PostgreSQL.",
)
DATABASE_URL_FILE = Setting(
    "HEJI_DATABASE_URL_FILE",
    "-",
    "存放数据库地址的文件（权限 0600），地址含密码时用它代替 HEJI_DATABASE_URL。",
    "A file, mode 0600, that holds the database's address: for one with a password, instead of HEJI_DATABASE_URL.",
)
HEAD = Setting(
    "HEJI_HEAD",
    "<HEJI_DATA>/head",
    "保存账本最新检查点的文件夹；生产环境应放在另一块磁盘上。",
    "The folder of the remembered head; in production, on another disk.",
)
KEY = Setting(
    "HEJI_KEY",
    "<HEJI_DATA>/signing.key",
    "签名密钥文件，只允许服务账号读取。",
    "The file of the signing key, readable by the service alone.",
)
BASE_URL = Setting(
    "HEJI_BASE_URL",
    "http://127.0.0.1:<HEJI_PORT>",
    "对外网址；二维码与回执中的链接都以它开头。",
    "The address people reach; the links in QR codes and receipts begin with it.",
)
HOST = Setting("HEJI_HOST", "127.0.0.1", "监听的网络地址。", "The network address to listen on.")
PORT = Setting("HEJI_PORT", "8080", "监听的端口。", "The port to listen on.")
THREADS = Setting(
    "HEJI_THREADS",
    "32",
    "同时处理的请求数，也是一次成组写入的上限。",
    "Requests worked on at once, which also bounds how many are written together.",
)
TRUSTED_HOSTS = Setting(
    "HEJI_TRUSTED_HOSTS",
    "<host of HEJI_BASE_URL>,localhost,127.0.0.1",
    "接受的主机名，以逗号分隔。",
    "The host names answered to, separated by commas.",
)
PROXIES = Setting(
    "HEJI_PROXIES",
    "0",
    "服务前面可信的反向代理层数；0 表示不采信 X-Forwarded-* 请求头。",
    "How many trusted reverse proxies stand in front; 0 disbelieves every X-Forwarded-* header.",
)
BODY_LIMIT = Setting(
    "HEJI_BODY_LIMIT", "262144", "单次请求内容上限（字节）。", "The most bytes of an ordinary request."
)
BULK_LIMIT = Setting(
    "HEJI_BULK_LIMIT", "33554432", "批量上传内容上限（字节）。", "The most bytes of a bulk upload."
)
SESSION_IDLE_HOURS = Setting(
    "HEJI_SESSION_IDLE_HOURS",
    "12",
    "多少小时不操作后需重新登录。",
    "Hours without use after which a person signs in again.",
)
SESSION_DAYS = Setting(
    "HEJI_SESSION_DAYS", "7", "登录最长有效天数。", "Days after which a person signs in again in any case."
)
BACKUP = Setting(
    "HEJI_BACKUP",
    "<HEJI_DATA>/backups",
    "每日备份的文件夹；写 off 则不自动备份。",
    "The folder of the daily backups; off for none.",
)
BACKUP_COPY = Setting(
    "HEJI_BACKUP_COPY",
    _OFF,
    "每日备份另存一份的文件夹，应在另一台机器上（例如网络盘）。",
    "A folder for a second copy of each daily backup, on another machine, such as a network drive.",
)
BACKUP_KEEP = Setting(
    "HEJI_BACKUP_KEEP", "30", "每个文件夹保留的备份数。", "How many backups each folder keeps."
)

SETTINGS = (
    DATA,
    DATABASE_URL,
    DATABASE_URL_FILE,
    HEAD,
    KEY,
    BASE_URL,
    HOST,
    PORT,
    THREADS,
    TRUSTED_HOSTS,
    PROXIES,
    BODY_LIMIT,
    BULK_LIMIT,
    SESSION_IDLE_HOURS,
    SESSION_DAYS,
    BACKUP,
    BACKUP_COPY,
    BACKUP_KEEP,
)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings of an environment; raises Misconfigured for a bad value and for a HEJI_ name that none has."""
    known = {setting.name for setting in SETTINGS}
    for name in sorted(environment):
        if name.startswith("HEJI_") and not name.startswith(_FIELD) and name not in known:
            raise Misconfigured("unknown-setting", name=name)

    def text(setting: Setting, default: str | None = None) -> str:
        given = environment.get(setting.name)
        if given is None:
            return setting.default if default is None else default
        if not given.strip():
            raise _bad(setting, given, "bad-setting-empty")
        return given.strip()

    def whole(setting: Setting, least: int, most: int) -> int:
        given = text(setting)
        if not (given.isascii() and given.isdigit() and least <= int(given[:12]) <= most):
            raise _bad(setting, given, "bad-setting-number", least=least, most=most)
        return int(given)

    data = Path(text(DATA)).expanduser().resolve()
    secret = _parse_secret(
        environment, text(DATABASE_URL_FILE) if DATABASE_URL_FILE.name in environment else None
    )
    url = text(DATABASE_URL, f"sqlite:///{data / 'heji.db'}")
    port = whole(PORT, 1, 65_535)
    base_url = _parse_base_url(text(BASE_URL, f"http://127.0.0.1:{port}"))
    default_hosts = ",".join(dict.fromkeys([urlsplit(base_url).hostname or "", *LOCAL_HOSTS]))
    return Settings(
        data=data,
        database_url=_read_database_url(secret, url),
        database_url_file=secret,
        head=Path(text(HEAD, str(data / "head"))).expanduser().resolve(),
        key=Path(text(KEY, str(data / "signing.key"))).expanduser().resolve(),
        base_url=base_url,
        host=text(HOST),
        port=port,
        threads=whole(THREADS, 1, 256),
        trusted_hosts=_parse_hosts(text(TRUSTED_HOSTS, default_hosts)),
        proxies=whole(PROXIES, 0, 8),
        body_limit=whole(BODY_LIMIT, 1024, 16 * 2**20),
        bulk_limit=whole(BULK_LIMIT, 1024, 1024 * 2**20),
        session_idle_hours=whole(SESSION_IDLE_HOURS, 1, 24 * 31),
        session_days=whole(SESSION_DAYS, 1, 31),
        backup=_parse_backup(text(BACKUP, str(data / "backups"))),
        backup_copy=_parse_backup(text(BACKUP_COPY, _OFF)),
        backup_keep=whole(BACKUP_KEEP, 1, 10_000),
    )


def list_settings(settings: Settings) -> list[tuple[Setting, str]]:
    """Each setting with the value in force, as text; a password inside the database's URL is left out."""
    values: dict[Setting, object] = {
        DATA: settings.data,
        DATABASE_URL: settings.shown_database,
        DATABASE_URL_FILE: settings.database_url_file or DATABASE_URL_FILE.default,
        HEAD: settings.head,
        KEY: settings.key,
        BASE_URL: settings.base_url,
        HOST: settings.host,
        PORT: settings.port,
        THREADS: settings.threads,
        TRUSTED_HOSTS: ",".join(settings.trusted_hosts),
        PROXIES: settings.proxies,
        BODY_LIMIT: settings.body_limit,
        BULK_LIMIT: settings.bulk_limit,
        SESSION_IDLE_HOURS: settings.session_idle_hours,
        SESSION_DAYS: settings.session_days,
        BACKUP: settings.backup or _OFF,
        BACKUP_COPY: settings.backup_copy or _OFF,
        BACKUP_KEEP: settings.backup_keep,
    }
    return [(setting, str(values[setting])) for setting in SETTINGS]


def _parse_base_url(text: str) -> str:
    try:
        parts = urlsplit(text.rstrip("/"))
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        netloc = _as_sent(parts.netloc.lower())
    except ValueError:
        is_good = False
    if not is_good or parts.path or parts.query or parts.fragment or "@" in netloc:
        raise _bad(BASE_URL, text, "bad-setting-url")
    return f"{parts.scheme}://{netloc}"


def _as_sent(host: str) -> str:
    """A host's name as browsers send it, `佛冈.cn` as `xn--…`; raises ValueError."""
    return host if host.isascii() else host.encode("idna").decode()


def _parse_secret(environment: Mapping[str, str], text: str | None) -> Path | None:
    if text is None:
        return None
    if DATABASE_URL.name in environment:
        raise _bad(DATABASE_URL_FILE, text, "bad-setting-twice", other=DATABASE_URL.name)
    return Path(text).expanduser().resolve()


def _read_database_url(secret: Path | None, text: str) -> str:
    """The database's address: where it has a password it comes from a private file, and cannot be guessed."""
    if secret is None:
        url = _parse_database_url(text)
        if _password_of(url):
            raise _bad(
                DATABASE_URL, _without_password(url), "bad-setting-password", file=DATABASE_URL_FILE.name
            )
        return url
    url = _parse_database_url(read_secret_text(secret))
    parts = urlsplit(url)
    password = _password_of(url)
    if password and is_weak(password, parts.username or "", parts.hostname or "", parts.path.strip("/")):
        raise Misconfigured("secret-weak", path=secret, least=LEAST)
    return url


def _password_of(url: str) -> str:
    """The password in an address, wherever it may stand there."""
    try:
        parts = urlsplit(url)
        return unquote(parts.password or "") or dict(parse_qsl(parts.query)).get("password", "")
    except ValueError:
        return ""


def _parse_database_url(text: str) -> str:
    if not text.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise _bad(DATABASE_URL, _without_password(text), "bad-setting-database")
    return text


def _parse_backup(text: str) -> Path | None:
    return None if text.lower() == _OFF else Path(text).expanduser().resolve()


def _parse_hosts(text: str) -> tuple[str, ...]:
    try:
        hosts = tuple(_as_sent(host.strip().lower()) for host in text.split(","))
    except ValueError:
        hosts = ()
    if not hosts or not all(host and not set(host) & set("/:@ *") for host in hosts):
        raise _bad(TRUSTED_HOSTS, text, "bad-setting-hosts")
    return hosts


def _without_password(url: str) -> str:
    try:
        password, query = urlsplit(url).password, urlsplit(url).query
    except ValueError:
        return "…"
    if "password" in query:
        url = url.partition("?")[0] + "?…"
    return url.replace(f":{password}@", ":…@", 1) if password else url


def _bad(setting: Setting, value: str, why: str, **names: object) -> Misconfigured:
    return _BadSetting(setting.name, value, lambda language: sentences.say(why, language, **names))


class _BadSetting(Misconfigured):
    """A value that cannot be used; the reason is a sentence of its own, in the reader's language."""

    def __init__(self, name: str, value: str, why: Callable[[str], str]) -> None:
        self._why = why
        super().__init__("bad-setting", name=name, value=value)

    def sentence(self, language: str) -> str:
        """One sentence for people in `language` ("zh" or "en")."""
        return sentences.say(self.code, language, **self.names, why=self._why(language))
