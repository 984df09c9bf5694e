"""Files in S3, or in anything that speaks it: `s3://bucket/prefix`. Needs boto3, which is an optional package.

Address and credentials come from boto3's own places (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, an instance's role, …).
A file goes up in parts while it is made, and exists only once the upload is completed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import structlog

from gnb.services.exports import StorageError
from gnb.services.exports.storage import CONTENT_TYPES, FileWriter, Storage, check_key

log = structlog.stdlib.get_logger(__name__)

_READ_SIZE = 256 * 1024


class S3Storage(Storage):
    """Objects below the prefix."""

    def __init__(self, bucket: str, prefix: str) -> None:
        try:
            import boto3
            from botocore.client import Config
            from botocore.exceptions import BotoCoreError
        except ImportError as error:
            raise StorageError("no_boto3") from error
        try:
            # An unreachable server is answered within seconds, not after boto3's default of five minutes.
            self._client: Any = boto3.client("s3", config=Config(connect_timeout=3, retries={"total_max_attempts": 2}))
        except (BotoCoreError, ValueError) as error:  # no region, or an address that is none
            raise StorageError("s3_read", what=str(error)) from error
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def create(self, key: str, export_id: str) -> FileWriter:
        return _S3Writer(self._client, self._place(key), CONTENT_TYPES[key.rsplit(".", 1)[1]])

    def size(self, key: str) -> int | None:
        try:
            with _storage_errors("s3_size"):
                return int(self._client.head_object(**self._place(key))["ContentLength"])
        except StorageError as error:
            answer = getattr(error.__cause__, "response", {})
            if answer.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                return None
            raise

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        if end is not None and end <= start:
            return
        # A range of an empty file cannot be satisfied: the whole is asked for without one.
        part = {} if start == 0 and end is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        with _storage_errors("s3_read"):
            body = self._client.get_object(**self._place(key), **part)["Body"]
            try:
                yield from body.iter_chunks(_READ_SIZE)
            finally:
                body.close()

    def remove(self, key: str) -> None:
        place = self._place(key)
        with _storage_errors("s3_write"):
            self._client.delete_object(**place)
            for upload in self._uploads():
                if upload["Key"] == place["Key"]:
                    self._client.abort_multipart_upload(**place, UploadId=upload["UploadId"])

    def leftovers(self, before: datetime) -> Iterator[str]:
        with _storage_errors("s3_read"):
            for page in self._pages("list_objects_v2"):
                yield from self._keys(page.get("Contents", ()), "LastModified", before)
            yield from self._keys(self._uploads(), "Initiated", before)

    def _uploads(self) -> Iterator[dict[str, Any]]:
        for page in self._pages("list_multipart_uploads"):
            yield from page.get("Uploads", ())

    def _pages(self, operation: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator(operation).paginate(Bucket=self._bucket, Prefix=self._prefix)
        yield from pages

    def _keys(self, items: Any, time_field: str, before: datetime) -> Iterator[str]:
        for item in items:
            with suppress(ValueError):
                key = check_key(item["Key"].removeprefix(self._prefix))
                if item[time_field] < before:
                    yield key

    def _place(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_key(key)}


@contextmanager
def _storage_errors(reason: str) -> Iterator[None]:
    """Raise boto3's errors as StorageError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise StorageError(reason, what=str(error)) from error


class _S3Writer(FileWriter):
    # S3 takes at most 10,000 parts, each but the last of 5 MiB or more: files up to 80 GB.
    piece_size = 8 * 1024 * 1024

    def __init__(self, client: Any, place: dict[str, str], content_type: str) -> None:
        super().__init__()
        self._client = client
        self._place = place
        self._parts: list[dict[str, Any]] = []
        upload = self._ask("create_multipart_upload", **place, ContentType=content_type)
        self._upload = {**place, "UploadId": upload["UploadId"]}

    def _put(self, piece: bytes) -> None:
        number = len(self._parts) + 1
        done = self._ask("upload_part", **self._upload, PartNumber=number, Body=piece)
        self._parts.append({"PartNumber": number, "ETag": done["ETag"]})

    def _finish(self) -> None:
        if not self._parts:
            self._put(b"")
        self._ask("complete_multipart_upload", **self._upload, MultipartUpload={"Parts": self._parts})

    def _ask(self, operation: str, **arguments: Any) -> Any:
        with _storage_errors("s3_write"):
            return getattr(self._client, operation)(**arguments)

    def _discard(self) -> None:
        try:
            self._ask("abort_multipart_upload", **self._upload)
        except StorageError as error:
            log.warning("an unfinished upload is left for the clean-up", error=str(error))
