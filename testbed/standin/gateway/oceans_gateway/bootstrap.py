"""The first admin. The user row is made before the password is looked up, as in the gateway: a missing password fails
once, the next run finds an admin and is content, and that admin can never log in.
"""

from . import config, migrations, passwords, secretrefs
from .errors import context
from .store import Store

ADMIN = "00000000-0000-0000-0000-000000000002"


def command(loaded: dict) -> None:
    url = config.database_url(loaded)
    migrations.run(url)
    ensure_admin(Store(url, loaded["database"]["max_connections"]), loaded["auth"]["bootstrap_admin"])


def ensure_admin(store: Store, admin: dict) -> None:
    if not admin["enabled"]:
        return
    with context("failed checking for existing platform admins"):
        if store.ask("SELECT 1 FROM users WHERE role = 'platform_admin' LIMIT 1"):
            return
    with context("failed upserting bootstrap admin user"):
        ((user,),) = store.ask(
            "INSERT INTO users (id, name, email, role, status, must_change_password) VALUES (%s, 'Admin', %s, 'platform_admin', 'active', %s) "
            "ON CONFLICT (email) DO UPDATE SET role = excluded.role, status = excluded.status, must_change_password = excluded.must_change_password "
            "RETURNING id::text", (ADMIN, admin["email"].strip().lower(), int(admin["require_password_change"])))
    with context("failed resolving bootstrap admin password"):
        password = secretrefs.strict(admin["password"] or config.DEFAULT_PASSWORD)
    with context("failed storing bootstrap admin password"):
        store.ask("INSERT INTO user_password_auth (owner, hash) VALUES (%s, %s)", (user, passwords.hashed(password)))
