"""Files in S3, or in anything that speaks it: `s3://bucket/prefix`. Needs boto3, which is an optional package.

Address and credentials come from boto3's own places (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, an instance's role, …).
A file goes up in parts while it is made, and exists only once the upload is completed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
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
        except ImportError as error:
            raise StorageError("no_boto3") from error
        self._client: Any = boto3.client("s3")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def create(self, key: str, export_id: str) -> FileWriter:
        return _S3Writer(self._client, self._place(key), CONTENT_TYPES[key.rsplit(".", 1)[1]])

    def size(self, key: str) -> int | None:
        try:
            return int(self._client.head_object(**self._place(key))["ContentLength"])
        except self._client.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise StorageError("s3_size", what=str(error)) from error

    def read(self, key: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        if end is not None and end <= start:
            return
        # A range of an empty file cannot be satisfied: the whole is asked for without one.
        part = {} if start == 0 and end is None else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        body = self._client.get_object(**self._place(key), **part)["Body"]
        try:
            yield from body.iter_chunks(_READ_SIZE)
        finally:
            body.close()

    def remove(self, key: str) -> None:
        place = self._place(key)
        self._client.delete_object(**place)
        for upload in self._uploads():
            if upload["Key"] == place["Key"]:
                self._client.abort_multipart_upload(**place, UploadId=upload["UploadId"])

    def leftovers(self, before: datetime) -> Iterator[str]:
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
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._client, operation)(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise StorageError("s3_write", what=str(error)) from error

    def _discard(self) -> None:
        try:
            self._ask("abort_multipart_upload", **self._upload)
        except StorageError as error:
            log.warning("an unfinished upload is left for the clean-up", error=str(error))
