"""A web service with one expensive function, for a container beside the sidecar.

`GET /primes/200000` takes a while once; then every replica of this service answers from its sidecar's memory.
"""

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pannier import cache


@cache(key="primes-below:{limit}", ttl=3600, tags=["primes"])
def primes_below(limit: int) -> int:
    """How many primes are smaller than `limit`: the sieve of Eratosthenes."""
    is_prime = bytearray([1]) * limit
    is_prime[:2] = bytes(min(limit, 2))
    for number in range(2, int(limit**0.5) + 1):
        if is_prime[number]:
            multiples = slice(number * number, limit, number)
            is_prime[multiples] = bytes(len(range(limit)[multiples]))
    return sum(is_prime)


class Primes(BaseHTTPRequestHandler):
    """`/primes/N` answers a number, `/healthz` answers that the service runs."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        match self.path.split("/"):
            case ["", "healthz"]:
                self.answer(HTTPStatus.OK, "ok\n")
            case ["", "primes", limit] if limit.isdecimal() and len(limit) <= len("1000000"):
                self.answer(HTTPStatus.OK, f"{primes_below(int(limit))}\n")
            case _:
                self.answer(HTTPStatus.NOT_FOUND, "ask for /primes/N, N up to seven digits\n")

    def answer(self, status: HTTPStatus, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("0.0.0.0", 8000), Primes).serve_forever()
