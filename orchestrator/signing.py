"""Ed25519: sign a decision, verify one, keep the key ring."""

import base64
import binascii
import functools
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from orchestrator.contract import InvalidRequest, canonical

PRIVATE_FILE = "signing-key.pem"
NEXT_FILE = "signing-key-next.pem"
RING_FILE = "key-ring.json"


class NoKey(RuntimeError):
    """There is no key to sign with; the message says how to make one."""


class BadSignature(ValueError):
    """An envelope was not made by a key of the ring; the message says why in a reader's words."""


def key_id(public: Ed25519PublicKey) -> str:
    """Sixteen hex digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


@dataclass(frozen=True)
class Signer:
    """The private key, which only the site and the shell hold."""

    private: Ed25519PrivateKey

    @classmethod
    def load(cls, folder: Path) -> "Signer":
        """From the environment's SIGNING_KEY (PEM), else from `folder`. Raises NoKey."""
        pem = os.environ.get("SIGNING_KEY", "").encode()
        path = folder / PRIVATE_FILE
        if not pem and not path.exists():
            raise NoKey(f"No signing key at {path}. Make one: manage.py keys")
        return cls(_private(pem or path.read_bytes()))

    def sign(self, body: dict[str, Any]) -> dict[str, Any]:
        """The envelope {"body", "key_id", "signature"} around `body`."""
        signature = base64.b64encode(self.private.sign(canonical(body))).decode()
        return {"body": body, "key_id": key_id(self.private.public_key()), "signature": signature}


@dataclass(frozen=True)
class KeyRing:
    """Public keys by id, each with the time it was revoked or None. All that a worker needs."""

    keys: dict[str, tuple[Ed25519PublicKey, str | None]]

    @classmethod
    def load(cls, folder: Path) -> "KeyRing":
        """From the environment's KEY_RING (JSON), else from `folder`. Raises NoKey."""
        text = os.environ.get("KEY_RING", "")
        path = folder / RING_FILE
        if not text and not path.exists():
            raise NoKey(f"No key ring at {path}. Make one: manage.py keys")
        return _ring(text or path.read_text())

    def verify(self, envelope: Any) -> dict[str, Any]:
        """The body of `envelope`, if a key of this ring signed it. Raises BadSignature."""
        if not isinstance(envelope, dict) or envelope.keys() != {"body", "key_id", "signature"}:
            raise BadSignature("It is not a signed envelope.")
        name, body = envelope["key_id"], envelope["body"]
        if not isinstance(body, dict) or not isinstance(name, str) or name not in self.keys:
            raise BadSignature("No key of the ring signed it.")
        public, revoked_at = self.keys[name]
        if revoked_at:
            raise BadSignature(f"Its key {name} was revoked on {revoked_at}.")
        try:
            signature = base64.b64decode(envelope["signature"], validate=True)
            public.verify(signature, canonical(body))
        except (InvalidSignature, InvalidRequest, binascii.Error, TypeError, ValueError):
            raise BadSignature("Its signature does not fit what it says.") from None
        return body


# Files are read each time, so that a rotation needs no restart; what they say is parsed once.


@functools.lru_cache(maxsize=2)
def _private(pem: bytes) -> Ed25519PrivateKey:
    private = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise NoKey("The signing key is not an Ed25519 key. Make one: manage.py keys")
    return private


@functools.lru_cache(maxsize=2)
def _ring(text: str) -> KeyRing:
    entries = json.loads(text).items()
    return KeyRing(
        {name: (_public(each["public"]), each.get("revoked_at")) for name, each in entries}
    )


def create_key(folder: Path) -> str:
    """Sign with a new key from now on, the prepared one where there is one; return its id.

    Earlier keys stay in the ring, so that what they signed is still believed.
    """
    prepared = folder / NEXT_FILE
    if not prepared.exists():
        prepare_key(folder)
    private = _private(prepared.read_bytes())
    prepared.replace(folder / PRIVATE_FILE)
    return key_id(private.public_key())


def prepare_key(folder: Path) -> str:
    """Make the next key (0600) and put it into the ring, without signing with it yet.

    A key that signs before all workers know it makes decisions that are refused.
    """
    private = Ed25519PrivateKey.generate()
    name = key_id(private.public_key())
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    raw = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    entry = {"public": raw, "made_at": _now(), "revoked_at": None}
    write_ring(folder, read_ring(folder) | {name: entry})
    _write(folder / NEXT_FILE, pem, 0o600)
    return name


def revoke_key(folder: Path, name: str) -> None:
    """From now on nothing that key `name` signed is believed. Raises KeyError."""
    ring = read_ring(folder)
    ring[name]["revoked_at"] = ring[name]["revoked_at"] or _now()
    write_ring(folder, ring)


def read_ring(folder: Path) -> dict[str, dict[str, Any]]:
    """The ring's file as JSON; empty where there is none."""
    path = folder / RING_FILE
    ring: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    return ring


def write_ring(folder: Path, ring: dict[str, dict[str, Any]]) -> None:
    """Replace the ring's file in one step, so that no reader sees half of it."""
    _write(folder / RING_FILE, json.dumps(ring, indent=2).encode(), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _public(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
