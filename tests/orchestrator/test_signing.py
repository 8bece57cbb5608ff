"""Signatures: what the desk signed is believed, and not a byte else."""

import base64
import json
import logging
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import signing
from orchestrator.signing import BadSignature, KeyRing, NoKey, Signer

BODY = {"decision_id": "d", "verdict": "approve", "reviewer": {"id": "1"}, "comment": "é€"}


@pytest.fixture(autouse=True)
def no_keys_from_outside(monkeypatch):
    monkeypatch.delenv("SIGNING_KEY", raising=False)
    monkeypatch.delenv("KEY_RING", raising=False)


@pytest.fixture
def folder(tmp_path):
    signing.create_key(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    signing.create_key(folder)
    return Signer.load(folder), KeyRing.load(folder)


class TestEnvelope:
    def test_is_believed(self, pair):
        signer, ring = pair
        assert ring.verify(signer.sign(BODY)) == BODY

    def test_survives_the_wire_with_its_keys_in_another_order(self, pair):
        signer, ring = pair
        envelope = json.loads(json.dumps(signer.sign(BODY)))
        envelope["body"] = dict(reversed(envelope["body"].items()))
        assert ring.verify(envelope) == BODY

    @given(st.data())
    def test_with_any_byte_changed_is_not(self, pair, data):
        signer, ring = pair
        text = json.dumps(signer.sign(BODY), ensure_ascii=False).encode()
        position = data.draw(st.integers(0, len(text) - 1))
        byte = data.draw(st.integers(0, 255).filter(lambda each: each != text[position]))
        changed = text[:position] + bytes([byte]) + text[position + 1 :]
        try:
            envelope = json.loads(changed)
        except ValueError:
            return  # it does not even arrive
        if envelope == json.loads(text):
            return
        with pytest.raises(BadSignature):
            ring.verify(envelope)

    @given(st.binary(min_size=64, max_size=64))
    def test_with_another_signature_is_not(self, pair, raw):
        signer, ring = pair
        envelope = signer.sign(BODY) | {"signature": base64.b64encode(raw).decode()}
        with pytest.raises(BadSignature):
            ring.verify(envelope)

    @pytest.mark.parametrize(
        "envelope",
        [
            None, 1, "x", [], {}, {"body": {}}, {"body": {}, "key_id": "x", "signature": ""},
            {"body": None, "key_id": None, "signature": None},
            {"body": BODY, "key_id": [], "signature": "AAAA"},
        ],
        ids=repr,
    )  # fmt: skip
    def test_of_another_shape_is_not(self, pair, envelope):
        with pytest.raises(BadSignature):
            pair[1].verify(envelope)

    @pytest.mark.parametrize("signature", [None, 1, b"x", "", "=", "é", "A" * 10_000, [], {}])
    def test_with_a_strange_signature_is_not(self, pair, signature):
        signer, ring = pair
        with pytest.raises(BadSignature):
            ring.verify(signer.sign(BODY) | {"signature": signature})

    def test_with_a_number_too_large_is_not(self, pair):
        signer, ring = pair
        envelope = signer.sign(BODY)
        with pytest.raises(BadSignature):
            ring.verify(envelope | {"body": BODY | {"n": 2**60}})

    def test_of_an_unknown_key_is_not(self, pair):
        stranger = Signer(Ed25519PrivateKey.generate())
        with pytest.raises(BadSignature, match="No key of the ring"):
            pair[1].verify(stranger.sign(BODY))

    def test_of_a_stranger_in_our_name_is_not(self, pair):
        signer, ring = pair
        envelope = Signer(Ed25519PrivateKey.generate()).sign(BODY)
        with pytest.raises(BadSignature, match="does not fit"):
            ring.verify(envelope | {"key_id": signer.sign(BODY)["key_id"]})


class TestRotation:
    def test_keeps_what_earlier_keys_signed(self, folder):
        old = Signer.load(folder).sign(BODY)
        signing.create_key(folder)
        new = Signer.load(folder).sign(BODY)
        ring = KeyRing.load(folder)
        assert len(ring.keys) == 2
        assert old["key_id"] != new["key_id"]
        assert ring.verify(old) == ring.verify(new) == BODY

    def test_a_ring_from_before_does_not_know_the_new_key(self, folder):
        before = KeyRing.load(folder)
        signing.create_key(folder)
        with pytest.raises(BadSignature):
            before.verify(Signer.load(folder).sign(BODY))

    def test_revoked_is_never_believed_again(self, folder):
        envelope = Signer.load(folder).sign(BODY)
        signing.create_key(folder)
        signing.revoke_key(folder, envelope["key_id"])
        ring = KeyRing.load(folder)
        with pytest.raises(BadSignature, match="was revoked on"):
            ring.verify(envelope)
        assert ring.verify(Signer.load(folder).sign(BODY)) == BODY

    def test_revoking_again_keeps_the_first_time(self, folder):
        (name,) = signing.read_ring(folder)
        signing.revoke_key(folder, name)
        first = signing.read_ring(folder)[name]["revoked_at"]
        signing.revoke_key(folder, name)
        assert signing.read_ring(folder)[name]["revoked_at"] == first

    def test_revoking_what_is_unknown_is_an_error(self, folder):
        with pytest.raises(KeyError):
            signing.revoke_key(folder, "unknown")


class TestFiles:
    def test_the_private_key_is_its_owners_alone(self, folder):
        path = folder / signing.PRIVATE_FILE
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        signing.create_key(folder)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_the_private_key_is_in_no_other_file_and_no_log(self, tmp_path, caplog):
        with caplog.at_level(logging.DEBUG):
            signing.create_key(tmp_path)
            signer = Signer.load(tmp_path)
            envelope = signer.sign(BODY)
        raw = signer.private.private_bytes_raw()
        secrets = [raw.hex(), base64.b64encode(raw).decode()]
        ring = (tmp_path / signing.RING_FILE).read_text()
        for text in (ring, json.dumps(envelope), caplog.text, repr(signer), str(signer)):
            assert not any(secret in text for secret in secrets)
        assert sorted(each.name for each in tmp_path.iterdir()) == sorted(
            [signing.PRIVATE_FILE, signing.RING_FILE]
        )

    def test_from_the_environment(self, folder, tmp_path_factory, monkeypatch):
        envelope = Signer.load(folder).sign(BODY)
        empty = tmp_path_factory.mktemp("empty")
        monkeypatch.setenv("SIGNING_KEY", (folder / signing.PRIVATE_FILE).read_text())
        monkeypatch.setenv("KEY_RING", (folder / signing.RING_FILE).read_text())
        assert Signer.load(empty).sign(BODY) == envelope
        assert KeyRing.load(empty).verify(envelope) == BODY

    @pytest.mark.parametrize("kind", [Signer, KeyRing])
    def test_missing_says_what_to_do(self, tmp_path, kind):
        with pytest.raises(NoKey, match=r"Make one: manage\.py keys"):
            kind.load(tmp_path)

    def test_a_key_of_another_kind_says_so(self, tmp_path):
        pem = generate_private_key(SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (tmp_path / signing.PRIVATE_FILE).write_bytes(pem)
        with pytest.raises(NoKey, match="not an Ed25519 key"):
            Signer.load(tmp_path)
