"""Listings of a bucket, read in a pass over the page: botocore alone spends a tenth of a millisecond on every name.

A ledger of years and a hundred markets has a hundred thousand names. The names are taken out of an answer before
botocore parses it, and put into what it has made of the rest, in its own form.
"""

from datetime import datetime
from typing import Any
from xml.etree import ElementTree


def take_names(
    operation_model: Any, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    """Take the names, for botocore's event ``before-parse``; whatever is no proper listing is left to botocore."""
    if operation_model.name != "ListObjectsV2" or response_dict["status_code"] != 200:
        return
    try:
        page = ElementTree.fromstring(response_dict["body"])
        contents = page.tag.removesuffix("ListBucketResult") + "Contents"  # with the server's namespace, or none
        names = [_name(element, contents.removesuffix("Contents")) for element in page.iterfind(contents)]
    except (ElementTree.ParseError, ValueError):
        return
    page[:] = [element for element in page if element.tag != contents]
    response_dict["body"] = ElementTree.tostring(page)
    if names:
        customized_response_dict["Contents"] = names


def _name(element: ElementTree.Element, namespace: str) -> dict[str, Any]:
    key, size, modified = (element.findtext(namespace + field) for field in ("Key", "Size", "LastModified"))
    if key is None or size is None or modified is None:
        raise ValueError("a name without its size or its time")
    return {"Key": key, "Size": int(size), "LastModified": datetime.fromisoformat(modified)}
