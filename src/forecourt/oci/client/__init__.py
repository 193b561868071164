"""A client for any OCI registry: synchronous, for threads, made to move large blobs at the cost of hashing them."""

from forecourt.oci.client.clients import ClientFactory, Clients, clients
from forecourt.oci.client.connection import Patience
from forecourt.oci.client.credentials import Anonymous, Credential, Credentials, Login, LoginFiles
from forecourt.oci.client.interruption import Interruption
from forecourt.oci.client.registry import RegistryClient, name_of
from forecourt.oci.client.source import PassingBlob

__all__ = [
    "Anonymous",
    "ClientFactory",
    "Clients",
    "Credential",
    "Credentials",
    "Interruption",
    "Login",
    "LoginFiles",
    "PassingBlob",
    "Patience",
    "RegistryClient",
    "clients",
    "name_of",
]
