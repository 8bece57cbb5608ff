"""Files that people send: their beginning, as far as a payload has room for them."""

from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler

from approvals.files import MOST_BYTES


class Capped(MemoryFileUploadHandler):
    """Keeps no more of a file than a payload could hold; its `size` tells how large it was."""

    def handle_raw_input(self, *args: Any, **more: Any) -> None:
        self.activated = True

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        room = max(MOST_BYTES + 1 - start, 0)
        self.file.write(raw_data[:room])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self.file.seek(0)
        return InMemoryUploadedFile(
            file=self.file,
            field_name=self.field_name,
            name=self.file_name,
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )
