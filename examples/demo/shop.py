"""The origin: a shop in SQLite, and the query behind its product page.

The rows are made once, from a fixed seed, so every machine asks the same questions of the same data. The query is the
kind that gets cached in earnest: it joins, aggregates and ranks a whole category, and takes as long as it takes.
"""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PRODUCTS = 1_000
CATEGORIES = 20
ORDERS = 60_000
LINES = 200_000
SEED = 20_260_101

TABLES = """
create table products (id integer primary key, category integer not null, name text not null, price integer not null);
create table lines (order_id integer not null, product_id integer not null, quantity integer not null);
"""

INDEXES = """
create index products_by_category on products (category);
create index lines_by_product on lines (product_id, order_id, quantity);
create index lines_by_order on lines (order_id, product_id);
"""

PAGE = """
with sold as (
    select product_id, sum(quantity) as units, count(distinct order_id) as orders
    from products join lines on product_id = id
    where category = (select category from products where id = :id)
    group by product_id
), ranked as (
    select product_id, units, orders, rank() over (order by units desc) as place, count(*) over () as places from sold
)
select name, price, category, units, orders, place, places from products join ranked on product_id = id where id = :id
"""

BOUGHT_WITH = """
select other.product_id as id, name, count(*) as times
from lines as mine
join lines as other on other.order_id = mine.order_id and other.product_id != mine.product_id
join products on products.id = other.product_id
where mine.product_id = :id
group by other.product_id order by times desc, other.product_id limit 5
"""


class Shop:
    """One connection to the shop. Its methods block, and are called from one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row

    def page(self, product_id: int) -> dict[str, Any] | None:
        """Everything that a product page shows; None for a product that does not exist."""
        product = self._connection.execute(PAGE, {"id": product_id}).fetchone()
        if product is None:
            return None
        bought_with = self._connection.execute(BOUGHT_WITH, {"id": product_id}).fetchall()
        return {"id": product_id, **dict(product), "bought_with": [dict(row) for row in bought_with]}

    def set_price(self, product_id: int, price: int) -> None:
        """Change a price, in cents."""
        self._connection.execute("update products set price = ? where id = ?", (price, product_id))

    def close(self) -> None:
        self._connection.close()


def prepare(path: Path, progress: Callable[[float], None]) -> None:
    """Make the shop's file unless it is there. `progress` hears the part that is done, 0 to 1."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as connection:
        connection.executescript(TABLES)
        connection.executemany("insert into products values (?, ?, ?, ?)", _products())
        connection.executemany("insert into lines values (?, ?, ?)", _reported(_lines(), progress))
        connection.executescript(INDEXES + "analyze;")
        connection.commit()
    unfinished.rename(path)
    progress(1.0)


def _products() -> Iterator[tuple[int, int, str, int]]:
    draw = random.Random(SEED)
    for number in range(1, PRODUCTS + 1):
        name = f"{draw.choice(_LOOKS)} {draw.choice(_THINGS)} no. {number}"
        yield number, number % CATEGORIES, name, draw.randrange(500, 50_000, 10)


def _lines() -> Iterator[tuple[int, int, int]]:
    """Order lines; some products sell far better than others."""
    draw = random.Random(SEED + 1)
    products = range(1, PRODUCTS + 1)
    weights = list(accumulate(1 / (1 + number % 97) for number in products))
    chosen = draw.choices(products, cum_weights=weights, k=LINES)
    for product_id in chosen:
        yield draw.randrange(ORDERS), product_id, draw.choice((1, 1, 1, 2, 3))


def _reported(
    rows: Iterator[tuple[int, int, int]], progress: Callable[[float], None]
) -> Iterator[tuple[int, int, int]]:
    for done, row in enumerate(rows):
        if done % 10_000 == 0:
            progress(done / LINES)
        yield row


_LOOKS = ("blue", "folding", "heavy", "light", "oak", "quiet", "red", "small", "steel", "woollen")
_THINGS = ("basket", "bench", "bottle", "chair", "kettle", "lamp", "pannier", "saddle", "shelf", "stool")
