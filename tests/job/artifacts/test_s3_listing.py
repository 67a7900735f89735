"""Listings that are read by us, beside botocore's own reading of the same answers."""

from collections.abc import Mapping
from typing import Any

import botocore.session
import pytest
from botocore.parsers import ResponseParserError, create_parser

from job.artifacts.s3_listing import take_names

OPERATION = botocore.session.get_session().get_service_model("s3").operation_model("ListObjectsV2")
NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def listing(*names: str, namespace: str = "", modified: str = "2026-11-23T05:52:40.123Z") -> bytes:
    """A page with these names."""
    contents = "".join(
        f"<Contents><Key>{name}</Key><LastModified>{modified}</LastModified><ETag>&quot;1&quot;</ETag>"
        f"<Size>{number}</Size><Owner><ID>me</ID></Owner></Contents>"
        for number, name in enumerate(names)
    )
    return (
        f"<?xml version='1.0'?><ListBucketResult{namespace}><Name>b</Name><IsTruncated>true</IsTruncated>"
        f"<EncodingType>url</EncodingType>{contents}<NextContinuationToken>t</NextContinuationToken></ListBucketResult>"
    ).encode()


def read(body: bytes, *, is_ours: bool, status: int = 200, num_taken: int | None = None) -> Mapping[str, Any]:
    """The answer as botocore hands it on, its names taken out before by us or not."""
    answer: dict[str, Any] = {"body": body, "headers": {}, "status_code": status}
    taken: dict[str, Any] = {}
    if is_ours:
        take_names(operation_model=OPERATION, response_dict=answer, customized_response_dict=taken)
    if num_taken is not None:
        assert len(taken.get("Contents", [])) == num_taken and b"<Key>" not in answer["body"]
    return create_parser("rest-xml").parse(answer, OPERATION.output_shape) | taken


def told(page: Mapping[str, Any]) -> tuple[object, ...]:
    """What the store takes from a page, and what the paginator does."""
    names = [(each["Key"], each["Size"], each["LastModified"].timestamp()) for each in page.get("Contents", [])]
    return names, page.get("IsTruncated"), page.get("NextContinuationToken"), page.get("EncodingType")


@pytest.mark.parametrize("namespace", ["", NAMESPACE, ' xmlns="urn:other"'])
@pytest.mark.parametrize("names", [(), ("a",), ("x/%C3%BC+1.json", "x/&lt;b&gt;", "c")])
def test_names_are_those_of_botocore(names: tuple[str, ...], namespace: str) -> None:
    """With any namespace; also what is still to be decoded, and the token of the next page."""
    body = listing(*names, namespace=namespace)
    assert told(read(body, is_ours=True, num_taken=len(names))) == told(read(body, is_ours=False))


@pytest.mark.parametrize("modified", ["2026-11-23T05:52:40Z", "Mon, 23 Nov 2026 05:52:40 GMT"])
def test_times_are_those_of_botocore(modified: str) -> None:
    """Where a server writes them as no listing should, botocore reads them."""
    body = listing("a", modified=modified)
    assert told(read(body, is_ours=True)) == told(read(body, is_ours=False))


def test_what_is_no_listing_is_left_to_botocore() -> None:
    """A page cut off is its error, and a refusal its refusal."""
    with pytest.raises(ResponseParserError):
        read(listing("a")[:80], is_ours=True)
    refusal = b"<Error><Code>AccessDenied</Code></Error>"
    assert read(refusal, is_ours=True, status=403)["Error"]["Code"] == "AccessDenied"
