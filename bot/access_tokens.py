"""From the configuration's words on access tokens to the source that gives them: for mailboxes and the relay alike."""

from pathlib import Path

from bot.config import read_secret, resolve
from bot.mail_tables import ImapTable, RelayTable
from mail.tokens import CommandToken, FileToken, GoogleToken, MicrosoftToken, TokenSource


def tokens_of(table: ImapTable | RelayTable, config_path: Path, place: str) -> TokenSource | None:
    """Where the table's tokens come from; None when it logs in by password. Raises `ConfigError`."""
    if table.token_file is not None:
        return FileToken(resolve(config_path, table.token_file))
    if table.token_command:
        return CommandToken(table.token_command)
    if table.oauth == "google" and table.oauth_key_file is not None:
        return GoogleToken(key_file=resolve(config_path, table.oauth_key_file), user=table.user)
    if table.oauth == "microsoft":
        file, refresh = table.oauth_client_secret_file, table.oauth_refresh_token_file
        return MicrosoftToken(
            tenant=table.oauth_tenant,
            client_id=table.oauth_client_id,
            client_secret=read_secret(
                config_path, table.oauth_client_secret, file, f"{place} oauth_client_secret_file"
            ),
            refresh_token_file=resolve(config_path, refresh) if refresh is not None else None,
        )
    return None
