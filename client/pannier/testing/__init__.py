"""A sidecar for tests: a fake in memory whose time and presence the test decides, or a real one for as long as needed.

    from pannier.testing import FakePannier

    def test_a_user_is_loaded_once() -> None:
        with FakePannier() as fake:         # the default clients, sync and async, now talk to it
            get_user("7")
            get_user("7")
            fake.advance(3_600)             # seconds
            fake.down()                     # as if the sidecar had been killed

With pytest the same is there as the fixtures `fake_pannier` and `pannier_sidecar`.
"""

from pannier.testing.asked import Asked
from pannier.testing.fake import FakePannier
from pannier.testing.real import RealPannier

__all__ = ["Asked", "FakePannier", "RealPannier"]
