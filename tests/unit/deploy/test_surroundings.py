import socket
from pathlib import Path

import pytest

from deploy.embedded_server import EmbeddedServer
from deploy.surroundings import require_inbox, require_port
from shared.errors import SetupError


def test_a_port_in_use_is_told_with_the_setting_that_changes_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SetupError, match=rf"^cannot listen on 127.0.0.1 port {port}: .* set DATELINE_PORT or"):
            require_port("127.0.0.1", port, "DATELINE_PORT")


def test_an_address_this_machine_does_not_have_is_told() -> None:
    with pytest.raises(SetupError, match="DATELINE_HOST"):
        require_port("192.0.2.1", 8000, "DATELINE_PORT")


def test_an_inbox_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(SetupError, match=f"^DATELINE_INBOX: there is no folder {missing}$"):
        require_inbox(missing, {"DATELINE_INBOX": str(missing)})
    assert not missing.exists()


def test_the_default_inbox_is_made(tmp_path: Path) -> None:
    require_inbox(tmp_path / "inbox", {})
    assert (tmp_path / "inbox").is_dir()


def test_a_folder_too_deep_for_a_unix_socket_is_told(tmp_path: Path) -> None:
    """The kernel would only say "File name too long" to whoever connects."""
    with pytest.raises(SetupError, match=r"too long for a unix socket .* set DATELINE_DATA"):
        EmbeddedServer(tmp_path / ("deep" * 30)).lock()


def test_a_data_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SetupError, match=r"cannot write .* set DATELINE_DATA"):
        EmbeddedServer(tmp_path / "file" / "redis").lock()
