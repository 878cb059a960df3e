"""The environment of a program that recon starts: what it needs, and none of the secrets that recon was given.

What is not named here does not reach a program: a list of what is secret would miss what it does not know.
"""

from __future__ import annotations

import os


def _named(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What any program needs: where programs, libraries and temporary files are, who runs it, and in which language.
ANY = _named(
    """
    PATH HOME USER LOGNAME SHELL TERM TMPDIR TEMP TMP TZ TZDIR SYSTEMROOT
    LANG LANGUAGE LC_ALL LC_COLLATE LC_CTYPE LC_MESSAGES LC_MONETARY LC_NUMERIC LC_TIME
    LOCPATH LOCALE_ARCHIVE GCONV_PATH
    LD_LIBRARY_PATH LD_PRELOAD DYLD_LIBRARY_PATH DYLD_FALLBACK_LIBRARY_PATH DYLD_INSERT_LIBRARIES MALLOC_ARENA_MAX
    XDG_RUNTIME_DIR XDG_CACHE_HOME XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_DATA_HOME XDG_DATA_DIRS SOURCE_DATE_EPOCH
    """
)
# A Python, and how many threads its libraries start. PYTHONWARNINGS is not among them: a warning ends no run.
PYTHON = ANY | _named(
    """
    PYTHONPATH PYTHONHOME PYTHONPLATLIBDIR PYTHONUSERBASE PYTHONNOUSERSITE PYTHONSAFEPATH PYTHONDONTWRITEBYTECODE
    PYTHONPYCACHEPREFIX PYTHONHASHSEED PYTHONUTF8 PYTHONIOENCODING PYTHONCOERCECLOCALE PYTHONMALLOC PYTHONFAULTHANDLER
    PYTHONINTMAXSTRDIGITS PYTHONUNBUFFERED VIRTUAL_ENV CONDA_PREFIX
    OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS KMP_DUPLICATE_LIB_OK POLARS_MAX_THREADS POLARS_SKIP_CPU_CHECK
    RAYON_NUM_THREADS TOKIO_WORKER_THREADS FONTCONFIG_FILE FONTCONFIG_PATH GX_ANALYTICS_ENABLED DO_NOT_TRACK NO_COLOR
    """
)
# An encrypted connection: whom it trusts.
TLS = _named("SSL_CERT_FILE SSL_CERT_DIR OPENSSL_CONF OPENSSL_MODULES OPENSSL_ENGINES")
KERBEROS = _named("KRB5CCNAME KRB5_CONFIG KRB5_KTNAME KRB5_CLIENT_KTNAME KRB5RCACHEDIR GSS_USE_PROXY")
# All that libpq reads but the password, which is given only where recon used one, and the service, which is recon's.
LIBPQ = (
    TLS
    | KERBEROS
    | _named(
        """
        PGHOST PGHOSTADDR PGPORT PGDATABASE PGUSER PGPASSFILE PGSYSCONFDIR PGLOCALEDIR PGOPTIONS PGAPPNAME PGTZ
        PGDATESTYLE PGGEQO PGCLIENTENCODING PGCONNECT_TIMEOUT PGTARGETSESSIONATTRS PGLOADBALANCEHOSTS PGREQUIREAUTH
        PGREQUIREPEER PGCHANNELBINDING PGSSLMODE PGREQUIRESSL PGSSLNEGOTIATION PGSSLCOMPRESSION PGSSLCERT PGSSLKEY
        PGSSLCERTMODE PGSSLROOTCERT PGSSLCRL PGSSLCRLDIR PGSSLSNI PGSSLMINPROTOCOLVERSION PGSSLMAXPROTOCOLVERSION
        PGMINPROTOCOLVERSION PGMAXPROTOCOLVERSION PGGSSENCMODE PGGSSLIB PGGSSDELEGATION PGKRBSRVNAME
        """
    )
)
# MySQL's and MariaDB's programs, which read from a file of options where the server is.
MYSQL = TLS | KERBEROS | _named("LIBMYSQL_PLUGIN_DIR MARIADB_PLUGIN_DIR")
# ssh-keygen that signs: the agent that holds a key, and how to ask for a passphrase.
SIGNING = ANY | _named(
    """
    SSH_AUTH_SOCK SSH_ASKPASS SSH_ASKPASS_REQUIRE SSH_SK_PROVIDER SSH_SK_HELPER SSH_PKCS11_HELPER
    DISPLAY WAYLAND_DISPLAY XAUTHORITY DBUS_SESSION_BUS_ADDRESS GPG_TTY
    """
)


def child_environment(names: frozenset[str] = ANY, /, **own: str) -> dict[str, str]:
    """Return the environment of a program.

    Args:
        names: The variables that it gets from this process, where they are set.
        own: Further ones, which replace those.
    """
    return {name: value for name, value in os.environ.items() if name in names} | own
