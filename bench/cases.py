"""The table of cases, each with its target.

A target is information: a machine that misses it makes nothing fail.
"""

from pathlib import Path

from case import QUARTET, TRIO, Case, Comparison, Cookies, Method, Subject, Target
from devices import DEVICES
from httpd import C, CLEAR, KEY_FILE, MPM_PREFORK, OURS, PADDED, SESSION_BASICS, Ended, Setup

# Servers that tokens come from, each with its own salt.
SERVERS = 1000

# Sessions that an attacker without a login has collected from a C server.
COLLECTED = 6000

# One cookie of fifty is junk.
JUNK_SHARE = 0.02

# New children, and so first requests, of each server in a round.
NEW_CHILDREN = 20

# Files with a private key and its certificate each.
CERTIFICATES = Path(__file__).resolve().parent.parent / "core/vectors/certificates"


def at_least(bound: float) -> Target:
    """The figure should be this or more."""
    return Target(bound, at_least=True)


def at_most(bound: float) -> Target:
    """The figure should be this or less."""
    return Target(bound, at_least=False)


def trio(
    *, cookies: Cookies = Cookies.OWN, writes: bool = True, **setup
) -> tuple[Subject, ...]:
    """The session in clear, ours and the C module, otherwise equal."""
    return side_by_side(TRIO, cookies=cookies, writes=writes, **setup)


def quartet(*, writes: bool = True, **setup) -> tuple[Subject, ...]:
    """The trio, and the session in clear in a cookie as long as ours."""
    return side_by_side(QUARTET, writes=writes, **setup)


def side_by_side(
    kinds: list[str], *, cookies: Cookies = Cookies.OWN, writes: bool = True, **setup
) -> tuple[Subject, ...]:
    """Servers that differ only in their kind."""
    return tuple(
        Subject(kind, Setup(kind, **setup), cookies, writes, OURS if kind == PADDED else "")
        for kind in kinds
    )


def against(clear: float | None = None, c: float | None = None) -> tuple[Comparison, ...]:
    """Ours to clear, and ours to the C module, with their targets."""
    return (
        Comparison(OURS, CLEAR, at_least(clear) if clear else None),
        Comparison(OURS, C, at_least(c) if c else None),
    )


def against_clear(clear: float | None = None) -> tuple[Comparison, ...]:
    """Ours to clear, with its target."""
    return (Comparison(OURS, CLEAR, at_least(clear) if clear else None),)


def against_padded(clear: float | None = None, cpu: float | None = None) -> tuple[Comparison, ...]:
    """Ours to clear in as long a cookie; with the target of its throughput, and with
    that of its processor time, if there is one."""
    throughput = Comparison(OURS, PADDED, at_least(clear) if clear else None)
    if cpu is None:
        return (throughput,)
    return (throughput, Comparison(OURS, PADDED, at_most(cpu), cpu=True))


def jwe(size: int) -> tuple[Subject, ...]:
    """The session in clear, padded, and as JWE. The C module has no JWE."""
    crypto = "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-256-gcm\n"
    return side_by_side([CLEAR, PADDED, OURS], crypto=crypto, size=size)


def key_set(size: int, *, writes: bool = True) -> tuple[Subject, ...]:
    """The session in clear, padded, and sealed under a key set."""
    sessions = EACH_REQUEST_WRITES if writes else NO_REQUEST_WRITES
    return side_by_side(
        [CLEAR, PADDED, OURS], writes=writes, sessions=sessions, crypto=KEY_SET, size=size
    )


def revocation(name: str, title: str, ended: Ended) -> Case:
    """Sessions with a user, read and written beside a list of ended sessions. The C module
    has no such list."""
    return Case(
        name,
        f"100,000 ended sessions, {title}, read and write, 100 bytes",
        side_by_side([CLEAR, PADDED, OURS], ended=ended, user="joe"),
        against_clear(0.95) + against_padded(),
    )


def bound_to_device(crypto: str) -> tuple[Subject, ...]:
    """A session that is bound, and in clear beside the same cookie of the device; of which one
    is as long as ours. The C module binds none."""
    setup = {"crypto": crypto, "devices": DEVICES}
    return (
        Subject(CLEAR, Setup(CLEAR, **setup), cookie_of=OURS),
        Subject(PADDED, Setup(PADDED, **setup), as_long_as=OURS, cookie_of=OURS),
        Subject(OURS, Setup(OURS, **setup), bound=True),
    )


def certificate(name: str, *, writes: bool = True) -> tuple[Subject, ...]:
    """The session sealed for a certificate, and in clear in as long a cookie."""
    sessions = EACH_REQUEST_WRITES if writes else NO_REQUEST_WRITES
    crypto = f'SessionCryptoCertificateFile "{CERTIFICATES / name}.pem"\n'
    return side_by_side([PADDED, OURS], writes=writes, sessions=sessions, crypto=crypto)


PLAIN, HOSTILE, REFRESHES = "plain", "hostile", "refreshes"


def hostile(name: str, title: str, cookies: Cookies, crypto: str, verification: str = "") -> Case:
    """A plain request beside one with a hostile token, both to our server."""
    setup = Setup(OURS, crypto=crypto)
    if verification:
        target = Comparison(HOSTILE, PLAIN, at_most(1.25), cpu=True, verification=verification)
        comparisons = (Comparison(HOSTILE, PLAIN, cpu=True), target)
    else:
        comparisons = (Comparison(HOSTILE, PLAIN, at_most(2), cpu=True),)
    subjects = (Subject(PLAIN, setup), Subject(HOSTILE, setup, cookies))
    return Case(name, title, subjects, comparisons)


def junk_signature(name: str, title: str, verification: str) -> Case:
    """Junk for a certificate, which costs a verification with its public key."""
    crypto = f'SessionCryptoCertificateFile "{CERTIFICATES / name}.pem"\n'
    return hostile(
        f"junk-{name}", f"junk for a certificate, {title}", Cookies.JUNK_SIGNATURE, crypto, verification
    )


# Each request renews the session's age, and so writes the session.
EACH_REQUEST_WRITES = "SessionMaxAge 86400\n"
# No request writes the session, because its age is never so far behind.
NO_REQUEST_WRITES = "SessionMaxAge 86400\nSessionExpiryUpdateInterval 80000\n"

# The same file for all: where no crypto module is loaded, the last section is
# skipped.
HTACCESS = f"""\
{SESSION_BASICS}{EACH_REQUEST_WRITES}\
<IfModule mod_session_crypto.c>
    SessionCryptoPassphrase secret
</IfModule>
"""

LAST = "the-last-passphrase"
ONE_PASSPHRASE = f"SessionCryptoPassphrase {LAST}\n"
TWENTY_PASSPHRASES = (
    "SessionCryptoPassphrase " + " ".join(f"passphrase-{n}" for n in range(1, 20)) + f" {LAST}\n"
)

JWE = "SessionCryptoCipher aes-256-gcm\n"
KEY_SET = f"SessionCryptoKeyFile {KEY_FILE}\n"
DEVICE_SERVER = Setup(OURS, crypto=KEY_SET, devices=DEVICES)
MANY_PASSPHRASES = "SessionCryptoPassphrase " + " ".join(f"one-of-many-{n}" for n in range(100)) + "\n"
HTACCESS_PASSPHRASES = "SessionCryptoPassphrase " + " ".join(f"author-{n}" for n in range(32)) + "\n"


def junk_jwe(name: str, title: str, method: Method = Method.THROUGHPUT, **setup) -> Case:
    """A plain request beside one with a JWE under an unknown key id."""
    server = Setup(OURS, **setup)
    subjects = (Subject(PLAIN, server), Subject(HOSTILE, server, Cookies.JUNK_JWE))
    # The time of a first request can be measured, but not its processor time.
    cpu = method is Method.THROUGHPUT
    return Case(name, title, subjects, (Comparison(HOSTILE, PLAIN, at_most(2), cpu=cpu),), method)


JWE_OF_HOST = f"SessionCryptoPassphrase {{secret}}\n{JWE}"
KEY_SET_OF_HOST = 'SessionCryptoKeyFile "{key_set}"\n'
OURS_JWE = "ours, JWE"
OURS_KEY_SETS = "ours, key sets"
ONE_PASSPHRASE_JWE = "ours, JWE, one passphrase"
OWN_CERTIFICATES = "ours, certificates"

# What a server can do in place of a passphrase for each host.
INSTEAD_OF_PASSPHRASES = (
    Subject(
        ONE_PASSPHRASE_JWE,
        Setup(OURS, crypto=f"SessionCryptoPassphrase one-passphrase-for-all-hosts\n{JWE}"),
        of_host="SessionCryptoPurpose https://host-{number}.example/\n",
    ),
    Subject(
        OWN_CERTIFICATES,
        Setup(OURS, crypto=""),
        of_host='SessionCryptoCertificateFile "{certificate}"\n',
    ),
)


def starts(hosts: int, more: float | None = None, times: float | None = None) -> Case:
    """Servers of so many hosts, each with a secret of its own; with the bounds of a
    graceful restart: milliseconds more than in clear, and times as long."""
    passphrase = "SessionCryptoPassphrase {secret}\n"
    subjects = (
        Subject(CLEAR, Setup(CLEAR)),
        Subject(C, Setup(C, crypto=""), of_host=passphrase),
        Subject(OURS, Setup(OURS, crypto=""), of_host=passphrase),
        Subject(OURS_JWE, Setup(OURS, crypto=""), of_host=JWE_OF_HOST),
        Subject(OURS_KEY_SETS, Setup(OURS, crypto=""), of_host=KEY_SET_OF_HOST),
    )
    return Case(
        f"starts-{hosts}",
        f"start and restart, {hosts} host{'s' if hosts > 1 else ''}",
        subjects + (INSTEAD_OF_PASSPHRASES if more else ()),
        (
            Comparison(C, CLEAR, restart=True),
            Comparison(OURS, CLEAR, at_most(times) if times else None, restart=True),
            Comparison(OURS_JWE, CLEAR, at_most(times) if times else None, restart=True),
            Comparison(OURS_KEY_SETS, CLEAR, at_most(times) if times else None, restart=True),
        ),
        Method.STARTS,
        target=at_most(more) if more else None,
        hosts=hosts,
    )


def passphrases(kind: str, crypto: str) -> Setup:
    """A server that opens sessions made under the last of its passphrases."""
    return Setup(kind, crypto=crypto, crypto_to_make=ONE_PASSPHRASE)


def sixteen_threads(children: int) -> str:
    """16 threads, in so many children."""
    threads = 16 // children
    return (
        f"StartServers {children}\nServerLimit {children}\nThreadLimit {threads}\n"
        f"ThreadsPerChild {threads}\nMaxRequestWorkers 16\n"
        "MinSpareThreads 1\nMaxSpareThreads 16\n"
        # No child takes more connections than it has threads.
        "AsyncRequestWorkerFactor 0.1\n"
    )


def new_children_prefork() -> str:
    """Children that serve one connection each. None is added during the timing."""
    return (
        f"StartServers {NEW_CHILDREN}\nServerLimit {NEW_CHILDREN}\n"
        f"MaxRequestWorkers {NEW_CHILDREN}\nMinSpareServers 1\n"
        f"MaxSpareServers {NEW_CHILDREN}\nMaxConnectionsPerChild 1\n"
    )


def new_children_event() -> str:
    """As above, with threads."""
    return (
        f"StartServers {NEW_CHILDREN}\nServerLimit {2 * NEW_CHILDREN}\nThreadLimit 2\n"
        f"ThreadsPerChild 2\nMaxRequestWorkers {2 * NEW_CHILDREN}\n"
        f"MinSpareThreads 1\nMaxSpareThreads {2 * NEW_CHILDREN}\nMaxConnectionsPerChild 1\n"
    )


CASES = (
    Case(
        "rw-100",
        "read and write, 100 bytes",
        quartet(),
        against(0.95, 43) + against_padded(0.98, 1.03),
    ),
    Case(
        "rw-100-prefork",
        "read and write, 100 bytes, prefork",
        quartet(mpm="prefork", processes=MPM_PREFORK),
        against() + against_padded(),
    ),
    Case(
        "rw-1000",
        "read and write, 1,000 bytes",
        quartet(size=1000),
        against() + against_padded(),
    ),
    Case(
        "rw-3000",
        "read and write, 3,000 bytes",
        quartet(size=3000),
        against(0.88) + against_padded(0.95, 1.06),
    ),
    Case(
        "read-only",
        "read only, 100 bytes",
        quartet(sessions=NO_REQUEST_WRITES, writes=False),
        against(0.97) + against_padded(),
    ),
    Case(
        "jwe-100",
        "JWE, read and write, 100 bytes",
        jwe(100),
        against_clear(0.95) + against_padded(0.98, 1.03),
    ),
    Case(
        "jwe-3000",
        "JWE, read and write, 3,000 bytes",
        jwe(3000),
        against_clear() + against_padded(0.95, 1.06),
    ),
    Case(
        "key-set-100",
        "key set, read and write, 100 bytes",
        key_set(100),
        against_clear(0.95) + against_padded(),
    ),
    Case(
        "key-set-3000",
        "key set, read and write, 3,000 bytes",
        key_set(3000),
        against_clear() + against_padded(),
    ),
    Case(
        "key-set-read",
        "key set, read only, 100 bytes",
        key_set(100, writes=False),
        against_clear() + against_padded(),
    ),
    Case(
        "bound",
        "bound to a device, key set, read and write, 100 bytes",
        bound_to_device(KEY_SET),
        against_clear() + against_padded(0.93),
    ),
    Case(
        "refresh",
        "a device proves its P-256 key",
        (
            Subject(PLAIN, DEVICE_SERVER, bound=True),
            Subject(REFRESHES, DEVICE_SERVER, bound=True, refreshes=True),
        ),
        (Comparison(REFRESHES, PLAIN, cpu=True),),
        target=at_least(10_000),
        per_minute=REFRESHES,
    ),
    revocation("ended-on", "one machine", Ended.FILE),
    revocation("ended-redis", "with Redis", Ended.STORE),
    Case(
        "cert-rsa",
        "RSA-2048 certificate, read and write, 100 bytes",
        certificate("rsa-2048"),
        against_padded(0.93),
    ),
    Case(
        "cert-rsa-read",
        "RSA-2048 certificate, read only, 100 bytes",
        certificate("rsa-2048", writes=False),
        against_padded(0.93),
    ),
    Case(
        "cert-ec",
        "P-256 certificate, read and write, 100 bytes",
        certificate("p-256"),
        against_padded(0.93),
    ),
    Case(
        "cert-ec-read",
        "P-256 certificate, read only, 100 bytes",
        certificate("p-256", writes=False),
        against_padded(0.93),
    ),
    Case(
        "htaccess",
        "all directives in .htaccess",
        quartet(htaccess=HTACCESS),
        against(0.95) + against_padded(),
    ),
    Case(
        "passphrases",
        "20 passphrases, token under the last one",
        (
            Subject("ours, 1", passphrases(OURS, ONE_PASSPHRASE)),
            Subject("ours, 20", passphrases(OURS, TWENTY_PASSPHRASES)),
            Subject("C, 1", passphrases(C, ONE_PASSPHRASE)),
            Subject("C, 20", passphrases(C, TWENTY_PASSPHRASES)),
        ),
        (
            Comparison("ours, 20", "ours, 1", at_most(1.1), cost=True),
            Comparison("C, 20", "C, 1", cost=True),
        ),
    ),
    Case(
        "c-servers",
        "tokens from 1,000 C servers",
        trio(cookies=Cookies.OF_C_SERVERS),
        against(None, 1),
    ),
    Case(
        "junk",
        "2 % junk cookies",
        trio(cookies=Cookies.WITH_JUNK),
        against(),
    ),
    hostile(
        "replayed",
        f"{COLLECTED:,} sessions of C servers that say nothing, in turn",
        Cookies.REPLAYED,
        ONE_PASSPHRASE,
    ),
    hostile("junk-classic", "junk of the classic format", Cookies.JUNK, TWENTY_PASSPHRASES),
    junk_jwe("junk-jwe", "junk JWE, 100 passphrases", crypto=MANY_PASSPHRASES + JWE),
    junk_jwe(
        "junk-jwe-htaccess",
        "junk JWE, 32 passphrases in .htaccess",
        htaccess=SESSION_BASICS + EACH_REQUEST_WRITES + HTACCESS_PASSPHRASES + JWE,
    ),
    junk_jwe(
        "first-junk-jwe",
        "first request of a new child, junk JWE, 100 passphrases",
        Method.FIRST_REQUEST,
        mpm="event",
        processes=new_children_event(),
        log_derivations=True,
        crypto=MANY_PASSPHRASES + JWE,
    ),
    junk_signature("p-256", "P-256", "ecdsap256"),
    junk_signature("p-384", "P-384", "ecdsap384"),
    junk_signature("p-521", "P-521", "ecdsap521"),
    junk_signature("rsa-2048", "RSA-2048", "rsa2048"),
    Case(
        "first-prefork",
        "first request of a new child, prefork",
        trio(mpm="prefork", processes=new_children_prefork(), log_derivations=True),
        against(),
        Method.FIRST_REQUEST,
        at_most(0),
    ),
    Case(
        "first-event",
        "first request of a new child, event",
        trio(mpm="event", processes=new_children_event(), log_derivations=True),
        against(),
        Method.FIRST_REQUEST,
        at_most(0),
    ),
    Case(
        "contention",
        "16 busy threads in 1 child, and in 2",
        (
            Subject("ours, 1x16", Setup(OURS, mpm="event", processes=sixteen_threads(1))),
            Subject("ours, 2x8", Setup(OURS, mpm="event", processes=sixteen_threads(2))),
            Subject("clear, 1x16", Setup(CLEAR, mpm="event", processes=sixteen_threads(1))),
            Subject("clear, 2x8", Setup(CLEAR, mpm="event", processes=sixteen_threads(2))),
        ),
        (
            Comparison("ours, 1x16", "ours, 2x8", at_least(0.95)),
            Comparison("clear, 1x16", "clear, 2x8"),
            # httpd's own listener threads differ too; this ratio leaves them out.
            Comparison(
                "ours, 1x16", "ours, 2x8", at_least(0.95), beside=("clear, 1x16", "clear, 2x8")
            ),
        ),
    ),
    Case(
        "memory",
        "memory of a child, tokens from 1,000 C servers",
        (
            Subject(
                OURS,
                Setup(OURS, mpm="event", processes=sixteen_threads(1)),
                Cookies.OF_C_SERVERS,
            ),
            Subject(
                CLEAR,
                Setup(CLEAR, mpm="event", processes=sixteen_threads(1)),
                Cookies.OF_C_SERVERS,
            ),
        ),
        method=Method.MEMORY,
        target=at_most(2),
    ),
    starts(1),
    starts(100),
    starts(500, more=60, times=1.5),
)
