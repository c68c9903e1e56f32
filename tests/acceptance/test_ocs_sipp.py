"""OCS scenarios S2 to S5 once more, played by SIPp through stunnel: a second, independent reading of the same wire facts."""
import pathlib

from tests.acceptance.ocs import ALICE, OURS, THEIRS, U1, login_u1
from tests.lab.parley import Parley
from tests.lab.sipp import SippEdge

SCENARIOS = pathlib.Path(__file__).parent / "sipp"


async def _against(lab, scenario):
    node = await Parley(lab, OURS).start()
    node.allow(THEIRS, "--via", "sip", "--profile", "ocs")
    node.add_user("u1")
    user = await login_u1(lab, node)
    edge = await SippEdge(lab, SCENARIOS / scenario, node.sip_tls_port, U1, ALICE).start()
    return edge, user


async def test_s2_watcher(lab):
    """SUBSCRIBE, pending, active, unsubscribe."""
    edge, user = await _against(lab, "ocs_s2_watcher.xml")
    await user.wait_presence(ALICE, "subscribe")
    user.allow(ALICE)
    await edge.finished()


async def test_s3_notifier(lab):
    """Our SUBSCRIBE, three notifications."""
    edge, user = await _against(lab, "ocs_s3_notifier.xml")
    user.subscribe(ALICE)
    await user.wait_presence(ALICE, "available", show="")
    await user.wait_presence(ALICE, "available", show="away", status="Busy")
    await user.wait_presence(ALICE, "unavailable")
    await edge.finished()


async def test_s4_im_in(lab):
    """INVITE with a text, the same text as MESSAGE, typing, BYE: the user sees it once."""
    edge, user = await _against(lab, "ocs_s4_im_in.xml")
    await user.wait_message("Hi", ALICE)
    await edge.finished()
    assert user.messages(ALICE) == ["Hi"], user.messages(ALICE)


async def test_s5_im_out(lab):
    """Our INVITE, ten seconds until it is accepted, then the text."""
    edge, user = await _against(lab, "ocs_s5_im_out.xml")
    user.send_message(ALICE, "may I ask you something?")
    await edge.finished()
