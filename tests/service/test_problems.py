"""The outermost edge: what is answered, what is logged, and what is passed on."""

import asyncio
import json
import logging

import pytest
from starlette.requests import ClientDisconnect

from service.problems import Outermost

SCOPE = {"type": "http", "method": "POST", "path": "/documents/a\nb", "headers": []}


def met(error, stopping=False, started=False):
    """Return what is sent where an application raises, and what comes out of the edge."""
    sent = []

    async def send(message):
        sent.append(message)

    async def broken(scope, receive, send):
        if started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    try:
        asyncio.run(Outermost(broken, lambda: stopping)(SCOPE, None, send))
    except BaseException as raised:  # noqa: BLE001 - a cancellation is none of `Exception`.
        return sent, raised
    return sent, None


def test_a_request_that_the_shutdown_cancels_is_a_503_that_says_when_to_ask_again():
    (start, body), raised = met(asyncio.CancelledError(), stopping=True)
    assert raised is None
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == b"1"
    assert "send it again" in json.loads(body["body"])["detail"]


@pytest.mark.parametrize(("stopping", "started"), [(False, False), (False, True), (True, True)])
def test_any_other_cancellation_is_passed_on(stopping, started):
    sent, raised = met(asyncio.CancelledError(), stopping, started)
    assert isinstance(raised, asyncio.CancelledError)
    assert len(sent) == started


def test_a_client_that_goes_away_is_no_failure(caplog):
    assert met(ClientDisconnect()) == ([], None)
    assert not caplog.records


def test_what_nobody_expected_is_a_500_and_one_line_of_the_log_knows_its_id(caplog):
    caplog.set_level(logging.ERROR, "assay.service")
    (start, body), raised = met(ZeroDivisionError())
    assert (start["status"], raised) == (500, None)
    (record,) = caplog.records
    said = record.getMessage()
    assert said.startswith(r"POST '/documents/a\nb' failed: ")
    assert said.rpartition(" ")[2] in json.loads(body["body"])["detail"]


def test_what_breaks_after_the_answer_began_is_passed_on():
    sent, raised = met(ZeroDivisionError(), started=True)
    assert isinstance(raised, ZeroDivisionError)
    assert len(sent) == 1
