"""What sends beside the work ends with it: a timer that comes too late begins nothing."""

from orchestrator.model.alert import Delivery, DeliveryState
from orchestrator.model.names import ChannelName
from orchestrator.reconciler.telling import Post, TellingBeside
from tests.unit.execution.world import World

SENT = Delivery(channel=ChannelName("ops"), state=DeliveryState.SENT, answer="200")


def test_a_round_that_is_asked_for_after_the_end_is_not_made():
    post, made = Post(), list[str]()
    post.ask(lambda: [SENT])
    post.wait()
    post.close()
    post.ask(lambda: [made.append("late")] and [SENT])
    post.wait()
    assert (made, post.collect()) == ([], (SENT,))


def test_a_timer_whose_time_comes_as_the_work_ends_tells_nobody_and_raises_nothing():
    world = World()
    world.inbox.dead = True
    beside = TellingBeside(world.process())
    beside.end()
    beside._tell_now()
    assert world.inbox.received == []
