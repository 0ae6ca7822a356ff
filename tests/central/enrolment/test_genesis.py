"""A centre comes into being once, completely, and with keys that only its owner reads."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509

from central.config import read
from central.enrolment import genesis
from lpse.federation.errors import Conflict, Refused
from lpse.runtime import tls
from lpse.runtime.clock import SystemClock, SystemEntropy
from lpse.runtime.tls.enrolling import enrol
from tests.central.enrolment.centre import PERSONS, running


def found(data: Path) -> genesis.Founding:
    """An ordinary founding."""
    return genesis.Founding(data, PERSONS, public_host="pusat.example", environment="exercise")


async def make(founding: genesis.Founding) -> list[genesis.Invitation]:
    """Found it."""
    return await genesis.initialise(founding, SystemClock(), SystemEntropy())


async def test_new_centre_has_everything(tmp_path: Path) -> None:
    """Keys, CA, database, configuration and one invitation per person exist afterwards."""
    made = await make(found(tmp_path / "c"))
    assert [(i.code.subject, i.code.role) for i in made] == list(PERSONS)
    assert {i.endpoint for i in made} == {"pusat.example:7444"}
    names = {path.name for path in (tmp_path / "c" / "identity").iterdir()}
    assert names == {"ca.key", "ca.crt", "tls.key", "tls.crt", "signing.key", "centre.pub"}
    for path in (tmp_path / "c" / "identity").glob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (tmp_path / "c", tmp_path / "c" / "identity"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "c" / "central.db").stat().st_mode) == 0o600


async def test_configuration_is_accepted_by_the_daemon(tmp_path: Path) -> None:
    """Every key that init writes is a key that the programs know."""
    await make(found(tmp_path / "c"))
    file = tmp_path / "c" / genesis.CONFIGURATION
    settings = read({}, file=file, flags={}).settings
    assert settings.data == (tmp_path / "c").absolute()
    assert settings.environment == "exercise"
    assert settings.public.enrolment == "pusat.example:7444"
    assert settings.listen.http == "127.0.0.1:7480"
    text = file.read_text("utf-8").replace("\n# ", "\n")
    for name, value in settings.certificates:
        assert f"\n{name} = {value}\n" in text  # the commented defaults are the real ones


async def test_second_founding_is_refused(tmp_path: Path) -> None:
    """A centre that exists is never overwritten."""
    await make(found(tmp_path / "c"))
    before = (tmp_path / "c" / "identity" / "ca.key").read_bytes()
    with pytest.raises(Conflict) as caught:
        await make(found(tmp_path / "c"))
    assert caught.value.code == "FED-3024"
    assert (tmp_path / "c" / "identity" / "ca.key").read_bytes() == before


@pytest.mark.parametrize("lost", ["ca.crt", "tls.crt", "tls.key", "centre.pub", "signing.key"])
async def test_interrupted_founding_is_finished(tmp_path: Path, lost: str) -> None:
    """Whatever a crash left undone is done by the next attempt, and the codes given then work."""
    data = tmp_path / "c"
    await make(found(data))
    (data / genesis.CONFIGURATION).unlink()
    (data / "identity" / lost).unlink()
    async with running(data) as centre:
        await enrol(centre.enrolment, centre.invitations["sri"], tmp_path / "sri", kind="operator")
        assert (await centre.operators.get("sri")).role == "operator"
        assert (await centre.told())[-1] == "operator.added"


@pytest.mark.parametrize(
    "persons",
    [
        (),
        (("sri", "operator"),),
        (("budi", "approver"), ("wati", "auditor")),
        (("sri", "operator"), ("sri", "approver")),
        (("sri", "operator"), ("budi", "approver"), ("eve", "root")),
        (("Sri!", "operator"), ("budi", "approver")),
    ],
)
async def test_founding_needs_two_persons(
    tmp_path: Path, persons: tuple[tuple[str, str], ...]
) -> None:
    """Without an operator and an approver, different persons, nothing is made."""
    with pytest.raises(Refused):
        await make(genesis.Founding(tmp_path / "c", persons))
    assert not (tmp_path / "c").exists()


async def test_ca_signs_end_certificates_only(tmp_path: Path) -> None:
    """The CA can make no other CA, and the server certificate is for the one agreed name."""
    await make(found(tmp_path / "c"))
    authority = tls.load_authority(tmp_path / "c" / "identity").certificate
    limits = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert limits.ca and limits.path_length == 0
    server = tls.load_certificate(tmp_path / "c" / "identity" / tls.TLS_CERTIFICATE)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [tls.CENTRE_SERVER_NAME]
    assert not server.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
