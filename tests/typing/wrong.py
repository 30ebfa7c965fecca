"""Uses that a type checker must refuse: every line that is marked, by both checkers, and no other. Never run."""

from __future__ import annotations

import pannier
from pannier import cache, cache_invalidate, cache_refresh


@cache(ttl=60)
def get_user(user_id: int) -> str:
    return f"user {user_id}"


@cache
async def aio_get_user(user_id: int) -> str:
    return f"user {user_id}"


get_user("7")  # wrong
get_user()  # wrong
get_user(7, 8)  # wrong
number: int = get_user(7)  # wrong
text: str = aio_get_user(7)  # wrong

cache(ttl="1h")  # wrong
cache(key=7)  # wrong
cache(on_unavailable="ignore")  # wrong
cache(lifetime=60)  # wrong
cache("user:{user_id}")  # wrong
cache_refresh(condition=lambda: True)  # wrong
cache_invalidate(pattern=7)  # wrong

users = pannier.Client().cache("users", of=int)
users.set("7", "Ada")  # wrong
users.get(7)  # wrong
name: str = users.get("7", "")  # wrong
users.get_or_set("7", lambda: "Ada")  # wrong
users.invalidate("7")  # wrong
pannier.Client(port=7481)  # wrong
